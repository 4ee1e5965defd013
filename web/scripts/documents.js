// After the build: every operation of the console as it is sent, by its SHA-256, for servers that run only documents that
// they know.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { stringifyDocument } from '@urql/core';
import ts from 'typescript';

const generated = readFileSync(new URL('../src/api/gql/graphql.ts', import.meta.url), 'utf8');
const { outputText } = ts.transpileModule(generated, { compilerOptions: { module: ts.ModuleKind.ESNext } });
const all = await import(`data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`);

const documents = Object.values(all)
  .filter(({ definitions }) => definitions.some(({ kind }) => kind === 'OperationDefinition'))
  .map((document) => stringifyDocument(document));
const named = documents.map((text) => [createHash('sha256').update(text).digest('hex'), text]);
writeFileSync(new URL('../dist/documents.json', import.meta.url), JSON.stringify(Object.fromEntries(named)));
console.log(`documents.json: ${named.length} operations`);
