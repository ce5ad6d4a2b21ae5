// A document for each root field that selects all that lies under it, written from the schema itself.
import { astFromValue, getNamedType, getNullableType, isAbstractType, isLeafType, parse, print } from "graphql";

const DEPTH = 5;
const KINDS = { Query: "query", Mutation: "mutation", Subscription: "subscription" };

const upper = (name) => name[0].toUpperCase() + name.slice(1);

// Relay's compiler takes a default for what may be null alone.
function typed({ type, defaultValue }) {
  const standard = defaultValue ?? null;
  return standard === null ? type : `${getNullableType(type)} = ${print(astFromValue(standard, type))}`;
}

// Arguments become variables, named after where they stand.
function call(field, path, variables) {
  const given = field.args.map((argument) => {
    const variable = [...path, argument.name].join("_");
    variables.push(`$${variable}: ${typed(argument)}`);
    return `${argument.name}: $${variable}`;
  });
  return given.length ? `${field.name}(${given.join(", ")})` : field.name;
}

// Each type once on a path, so that what leads back ends.
function selection(type, path, variables, above) {
  if (isAbstractType(type)) return type.name === "Node" ? "{ __typename id }" : "{ __typename }";
  const chosen = Object.values(type.getFields()).flatMap((field) => {
    const result = getNamedType(field.type);
    const here = [...path, field.name];
    if (isLeafType(result)) return [call(field, here, variables)];
    if (above.includes(result.name) || here.length > DEPTH) return [];
    const [head, rest] = [call(field, here, variables), selection(result, here, variables, [...above, result.name])];
    return [`${head} ${rest}`];
  });
  return chosen.length ? `{ ${chosen.join(" ")} }` : "{ __typename }";
}

/** Gives `{ name, kind, text }` for each root field; `name` is its own and ends in the kind, as Relay wants it. */
export function documentsOver(schema) {
  return Object.entries(KINDS).flatMap(([root, kind]) =>
    Object.values(schema.getType(root).getFields()).map((field) => {
      const [variables, result] = [[], getNamedType(field.type)];
      const head = call(field, [field.name], variables);
      const body = isLeafType(result) ? "" : selection(result, [field.name], variables, [result.name]);
      const name = `${upper(field.name)}${upper(kind)}`;
      const signature = variables.length ? `(${variables.join(", ")})` : "";
      return { name, kind, text: print(parse(`${kind} ${name}${signature} { ${head} ${body} }`)) };
    }),
  );
}
