import type { CodegenConfig } from '@graphql-codegen/cli';

/** Typed documents for every operation of the console: one that the schema does not allow stops the build. */
const config: CodegenConfig = {
  schema: '../schema.graphql',
  documents: ['src/**/*.{ts,tsx}', '!src/api/gql/**'],
  generates: {
    './src/api/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: {
          DateTime: 'string',
          JSON: { input: 'Record<string, unknown>', output: 'Record<string, unknown>' },
          ModeId: 'string',
          RegionId: 'string',
        },
      },
    },
  },
};

export default config;
