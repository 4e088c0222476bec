// Parses an AsyncAPI document with @asyncapi/parser, which also checks examples against their schemas. Exit 1 and a line for each
// finding, whatever its severity. Arguments: the folder of node_modules, the document.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, path] = process.argv.slice(2);
const { Parser } = createRequire(`${modules}/`)("@asyncapi/parser");
const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
for (const { severity, code, path: where, message } of diagnostics) {
  console.error(`${["error", "warning", "information", "hint"][severity]} ${code} at ${where.join(".")}: ${message}`);
}
if (!document || diagnostics.length > 0) process.exit(1);
