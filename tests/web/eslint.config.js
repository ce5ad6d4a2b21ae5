// graphql-eslint's recommended rules, for the schema and for the documents.
import graphql from "@graphql-eslint/eslint-plugin";

const { "flat/schema-recommended": schema, "flat/operations-recommended": operations } = graphql.configs;

// What is a value, not a thing of its own: a cache keeps it within its owner.
const VALUES = [
  "AccountRead",
  "Address",
  "Authorisation",
  "AuthorisationMethod",
  "Balance",
  "CardFailure",
  "CardForm",
  "Cardholder",
  "ConsentText",
  "Creditor",
  "FeatureState",
  "HttpHeader",
  "KeptRecord",
  "KycAccessToken",
  "KycCheck",
  "Money",
  "MutationWarning",
  "NotificationPreferences",
  "PageInfo",
  "Payee",
  "PayeeCheck",
  "PaymentCancellation",
  "PaymentEvent",
  "PaymentFailure",
  "PaymentReceipt",
  "PaymentReturn",
  "PendingContact",
  "ProviderStatus",
  "RefundFailure",
  "ServiceStatus",
  "UploadTarget",
  "UserError",
  "ViewerEvent",
];
const SUFFIXES = ["Connection", "Edge", "Payload", "Update"];

const parsed = {
  languageOptions: {
    parser: graphql.parser,
    parserOptions: {
      graphQLConfig: {
        schema: "schema/schema.graphql",
        documents: ["graphiql/examples/*.graphql", "tests/web/documents/*.graphql"],
      },
    },
  },
  plugins: { "@graphql-eslint": graphql },
};

export default [
  {
    ...parsed,
    files: ["schema/schema.graphql"],
    rules: {
      ...schema.rules,
      "@graphql-eslint/strict-id-in-types": ["error", { exceptions: { types: VALUES, suffixes: SUFFIXES } }],
      // Types are exported because a field leads to them; `ErrorCode` alone stands in an error's `extensions`.
      "@graphql-eslint/no-unreachable-types": "off",
    },
  },
  {
    ...parsed,
    files: ["graphiql/examples/*.graphql", "tests/web/documents/*.graphql"],
    // A page within a page: viewer, accounts, edges, node, transactions, edges, node, amount.
    rules: { ...operations.rules, "@graphql-eslint/selection-set-depth": ["error", { maxDepth: 8 }] },
  },
];
