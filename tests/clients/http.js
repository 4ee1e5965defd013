// The audits of graphql-http: GraphQL over HTTP, every MUST, SHOULD and MAY.
import { auditServer } from 'graphql-http';
import { origin } from './lib.js';

const results = await auditServer({ url: `${origin}/graphql`, fetchFn: fetch });
const failed = results.filter((result) => result.status !== 'ok');
for (const { name, reason } of failed) console.error(`${name}: ${reason}`);
console.log(`http      ${results.length - failed.length} of ${results.length} audits`);
process.exit(failed.length === 0 && results.length >= 61 ? 0 : 1);
