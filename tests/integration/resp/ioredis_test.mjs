// ioredis as it is.
//
//   node ioredis_test.mjs PORT

import assert from "node:assert/strict";
import Redis from "ioredis";

const redis = new Redis({ port: Number(process.argv[2]), connectionName: "tester" });
redis.on("error", (error) => {
  console.log(`not ok - ioredis: ${error}`);
  process.exit(1);
});

assert.equal(await redis.ping(), "PONG");
await redis.del("a", "b", "c");
assert.equal(await redis.set("a", "1", "EX", 100), "OK");
assert.equal(await redis.get("a"), "1");
assert.equal(await redis.set("a", "2", "NX"), null);
assert.equal(await redis.set("a", "3", "GET"), "1");
assert.equal(await redis.ttl("a"), -1);
assert.equal(await redis.pexpire("a", 100000), 1);
assert.equal(await redis.persist("a"), 1);
assert.deepEqual(await redis.getBuffer("a"), Buffer.from("3"));
assert.equal(await redis.mset("b", "1", "c", "2"), "OK");
assert.deepEqual(await redis.mget("a", "b", "nothing"), ["3", "1", null]);
const found = [];
for await (const keys of redis.scanStream({ match: "[abc]" })) found.push(...keys);
assert.deepEqual(found.sort(), ["a", "b", "c"]);
const pipeline = redis.pipeline();
for (let i = 0; i < 1000; i++) pipeline.set("p", i).get("p");
const replies = await pipeline.exec();
assert.ok(replies.every(([error, value], i) => !error && value === (i % 2 ? String(i >> 1) : "OK")));
assert.equal(await redis.client("GETNAME"), "tester");
assert.match(await redis.info("server"), /redis_version:7/);
await assert.rejects(redis.lpush("a", "b"), /unknown command/);
assert.equal(await redis.del("a", "b", "c", "p"), 4);
assert.equal(await redis.quit(), "OK");
console.log("ok - ioredis");
