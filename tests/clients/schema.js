// What introspection tells is what /schema.graphql says, and every type, field and value in it is explained.
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import { assert, origin, run } from './lib.js';

const everything = { inputValueDeprecation: true, specifiedByUrl: true, oneOf: true, directiveIsRepeatable: true };
const written = buildSchema(await (await fetch(`${origin}/schema.graphql`)).text());
const told = buildClientSchema(await run(getIntrospectionQuery(everything)));
const plain = (schema) => printSchema(lexicographicSortSchema(schema));
assert(plain(written) === plain(told), 'introspection and /schema.graphql differ');

const bare = [];
const explained = (path, thing) => thing.description || bare.push(path);
const types = Object.values(told.getTypeMap()).filter((type) => !type.name.startsWith('__'));
for (const type of types) {
  const builtIn = ['Int', 'Float', 'String', 'Boolean', 'ID'].includes(type.name);
  if (!builtIn) explained(type.name, type);
  for (const value of type.getValues?.() ?? []) explained(`${type.name}.${value.name}`, value);
  for (const field of Object.values(type.getFields?.() ?? {})) explained(`${type.name}.${field.name}`, field);
  if (type.name.endsWith('Connection')) {
    for (const name of ['edges', 'nodes', 'pageInfo']) assert(type.getFields()[name], `${type.name} has no ${name}`);
  }
}
if (bare.length) console.error(`without a description: ${bare.join(', ')}`);
console.log(`schema    ${types.length} types, ${bare.length} names without a description`);
process.exit(bare.length ? 1 : 0);
