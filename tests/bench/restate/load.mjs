// A closed loop of sagas; prints one line of JSON in the words of tests/bench/measure.h.
//
//   node load.mjs INGRESS_PORT CLIENTS WARM_UP_SECONDS SECONDS
import http from "node:http";

const [port, clients, warmUp, seconds] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
const customer = "c".repeat(100);
const fromMs = performance.now() + warmUp * 1000;
const toMs = fromMs + seconds * 1000;
const latencies = [];
let next = 0;

function runSaga() {
  const body = JSON.stringify({ id: `${process.pid}-${next++}`, customer });
  const headers = { "content-type": "application/json", "content-length": body.length };
  const sentMs = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.request(
      { agent, host: "127.0.0.1", port, path: "/Order/run", method: "POST", headers },
      (response) => {
        response.resume();
        response.on("end", () => {
          const nowMs = performance.now();
          if (response.statusCode !== 200) return reject(new Error(`HTTP ${response.statusCode}`));
          if (nowMs >= fromMs && nowMs < toMs) latencies.push((nowMs - sentMs) * 1000);
          resolve();
        });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

async function runClient() {
  while (performance.now() < toMs) await runSaga();
}

await Promise.all(Array.from({ length: clients }, runClient));
latencies.sort((a, b) => a - b);
const permille = (n) => Math.round(latencies[Math.max(Math.ceil((latencies.length * n) / 1000), 1) - 1] ?? 0);
console.log(
  JSON.stringify({
    calls: latencies.length,
    events: latencies.length,
    seconds,
    p50_us: permille(500),
    p99_us: permille(990),
    p999_us: permille(999),
    server_cpu_us: 0,
    resident_bytes: 0,
    resident_before: 0,
  }),
);
agent.destroy();
