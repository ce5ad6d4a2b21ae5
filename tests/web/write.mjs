// Writes into build/ what the tools compile: the documents as .graphql files and as Relay's modules.
import { buildSchema, parse, print, visit } from "graphql";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { documentsOver } from "./documents.mjs";

const EXAMPLES = "../../graphiql/examples";

// Relay wants an operation to be named as its module, and its kind last.
function module(text, ending = "") {
  const named = visit(parse(text), {
    OperationDefinition: (node) => ({ ...node, name: { ...node.name, value: node.name.value + ending } }),
  });
  const { name } = named.definitions.find((definition) => definition.kind === "OperationDefinition");
  const source = `import { graphql } from "react-relay";\n\nexport default graphql\`\n${print(named)}\n\`;\n`;
  writeFileSync(`build/relay/${name.value.replace(/(Query|Mutation|Subscription)$/, "")}.ts`, source);
}

rmSync("build", { recursive: true, force: true });
for (const folder of ["documents", "relay", "types"]) mkdirSync(`build/${folder}`, { recursive: true });
const schema = buildSchema(readFileSync("../../schema/schema.graphql", "utf8"));
for (const { name, text } of documentsOver(schema)) {
  writeFileSync(`build/documents/${name}.graphql`, text);
  module(text);
}
for (const file of readdirSync(EXAMPLES).filter((name) => name.endsWith(".graphql"))) {
  const text = readFileSync(`${EXAMPLES}/${file}`, "utf8");
  const { operation } = parse(text).definitions[0];
  module(text, `Example${operation[0].toUpperCase()}${operation.slice(1)}`);
}
