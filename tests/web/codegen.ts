import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema/schema.graphql",
  documents: ["../../graphiql/examples/*.graphql", "documents/*.graphql", "build/documents/*.graphql"],
  generates: {
    "build/types/": {
      preset: "client",
      config: {
        strictScalars: true,
        enumsAsTypes: true,
        scalars: { CurrencyCode: "string", Date: "string", DateTime: "string", Int64String: "string" },
      },
    },
  },
};

export default config;
