// Makes the stubs in generated/ from the .proto files; npm runs it as `prepare`.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const protos = join(here, "../../protos");
const target = join(here, "generated");

function findPlugin() {
  return createRequire(import.meta.url).resolve("@protobuf-ts/plugin/bin/protoc-gen-ts");
}

/** npm installs nothing for a package that it links from outside of the project, so we do. */
function pluginPath() {
  try {
    return findPlugin();
  } catch {
    const quiet = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"];
    execFileSync("npm", ["install", "--prefix", here, "--include=dev", ...quiet], {
      cwd: here,
      stdio: "inherit",
    });
    return findPlugin();
  }
}

function generate() {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  writeFileSync(join(target, "package.json"), '{ "type": "commonjs" }\n');
  const options = [
    `--plugin=protoc-gen-ts=${pluginPath()}`,
    `--ts_out=${target}`,
    "--ts_opt=client_grpc1,output_javascript,output_legacy_commonjs",
    `-I${protos}`,
    "-I/usr/include",
  ];
  const ours = ["admin", "event_store", "participant", "reducers", "saga_definition", "sagas", "snapshots"];
  const sources = [...ours.map((name) => `sagabase/v1/${name}`), "google/rpc/status", "google/protobuf/any"];
  execFileSync("protoc", [...options, ...sources.map((name) => `${name}.proto`)], { stdio: "inherit" });
}

try {
  generate();
} catch (error) {
  if (error.code !== "ENOENT") throw error;
  console.error("sagabase: protoc is missing (Debian: apt-get install protobuf-compiler)");
  process.exitCode = 1;
}
