// What a normalising cache was told, it tells again without asking: urql's graphcache and Apollo Client's.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { ApolloClient, ApolloLink, InMemoryCache, Observable } from "@apollo/client";
import { addMocksToSchema } from "@graphql-tools/mock";
import { Client, gql } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import {
  buildSchema,
  execute,
  getNamedType,
  GraphQLNonNull,
  introspectionFromSchema,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredInputField,
  typeFromAST,
} from "graphql";
import { filter, fromPromise, mergeMap, pipe } from "wonka";

const schema = buildSchema(readFileSync("../../schema/schema.graphql", "utf8"));
const SCALARS = {
  CurrencyCode: () => "NOK",
  Date: () => "2026-11-27",
  DateTime: () => "2026-11-27T10:00:00.000Z",
  Int64String: () => "5000000000",
};
const answers = addMocksToSchema({ schema, mocks: SCALARS });
const VALUES = { ID: "pay_1", String: "text", Int: 1, Boolean: true };

function documents() {
  const found = ["build/documents", "../../graphiql/examples"].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".graphql"))
      .map((name) => gql(readFileSync(`${folder}/${name}`, "utf8"))),
  );
  return found.filter((document) => document.definitions[0].operation === "query");
}

function valueOf(type) {
  const named = getNamedType(type);
  const needed = isInputObjectType(named) ? Object.values(named.getFields()).filter(isRequiredInputField) : [];
  const object = Object.fromEntries(needed.map((field) => [field.name, valueOf(field.type)]));
  const value = isInputObjectType(named) ? object : VALUES[named.name];
  return String(type).startsWith("[") ? [value] : value;
}

// Only what must be given is given.
function variablesOf(document) {
  const needed = (document.definitions[0].variableDefinitions ?? [])
    .filter((definition) => definition.defaultValue === undefined)
    .map((definition) => [definition.variable.name.value, typeFromAST(schema, definition.type)])
    .filter(([, type]) => type instanceof GraphQLNonNull);
  return Object.fromEntries(needed.map(([name, type]) => [name, valueOf(type)]));
}

// As over HTTP: what is undefined is not sent.
const answer = async (document, variables = {}) =>
  execute({ schema: answers, document, variableValues: JSON.parse(JSON.stringify(variables)) });

function graphcache() {
  const withoutId = Object.values(schema.getTypeMap()).filter(
    (type) => isObjectType(type) && !type.name.startsWith("__") && !("id" in type.getFields()),
  );
  const keys = Object.fromEntries(withoutId.map((type) => [type.name, () => null]));
  const cache = cacheExchange({ schema: introspectionFromSchema(schema), keys });
  const server = () => (operations) =>
    pipe(
      operations,
      filter((operation) => operation.kind !== "teardown"),
      mergeMap((operation) =>
        fromPromise(
          answer(operation.query, operation.variables).then(({ data, errors }) => ({ operation, data, error: errors?.[0] })),
        ),
      ),
    );
  const client = new Client({ url: "http://localhost/graphql", preferGetMethod: false, exchanges: [cache, server] });
  return (document, variables, requestPolicy) => client.query(document, variables, { requestPolicy }).toPromise();
}

function apollo() {
  const possibleTypes = Object.fromEntries(
    Object.values(schema.getTypeMap())
      .filter((type) => isInterfaceType(type))
      .map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]),
  );
  const link = new ApolloLink(
    ({ query, variables }) =>
      new Observable((observer) => {
        answer(query, variables).then((result) => {
          observer.next(result);
          observer.complete();
        });
      }),
  );
  const client = new ApolloClient({ cache: new InMemoryCache({ possibleTypes }), link });
  return (query, variables, requestPolicy) => client.query({ query, variables, fetchPolicy: requestPolicy });
}

const told = [];
for (const level of ["warn", "error"]) console[level] = (...text) => told.push(text.join(" "));
for (const [cache, ask] of Object.entries({ graphcache: graphcache(), apollo: apollo() })) {
  for (const document of documents()) {
    const [name, variables] = [document.definitions[0].name.value, variablesOf(document)];
    const first = await ask(document, variables, "network-only");
    assert.equal(first.error, undefined, `${cache} ${name}: ${first.error}`);
    const again = await ask(document, variables, "cache-only");
    assert.deepEqual(again.data, first.data, `${cache} ${name}`);
    assert.ok(again.data, `${cache} ${name}: nothing is in the cache`);
  }
  process.stdout.write(`${cache}: ${documents().length} queries are told again from the cache\n`);
}
assert.deepEqual(told, []);
