// Types of the schema for the client package; the app's documents with their types, ids and manifest.
import type { CodegenConfig } from "@graphql-codegen/cli";
import { addTypenameSelectionDocumentTransform } from "@graphql-codegen/client-preset";

const scalars = { CurrencyCode: "string", Date: "string", DateTime: "string", ID: "string", Int64String: "string" };
const types = { strictScalars: true, enumsAsTypes: true, useTypeImports: true, scalars };

const config: CodegenConfig = {
  schema: "../../schema/schema.graphql",
  generates: {
    "gateway-client/src/schema.ts": { plugins: ["typescript"], config: types },
    "src/gql/": {
      documents: ["src/**/*.{ts,tsx}", "!src/gql/**"],
      preset: "client",
      presetConfig: {
        fragmentMasking: { unmaskFunctionName: "unmask" },
        persistedDocuments: { hashAlgorithm: "sha256" },
      },
      // The cache wants __typename everywhere; an id is that of the text with it.
      documentTransforms: [addTypenameSelectionDocumentTransform],
      config: types,
    },
  },
};

export default config;
