// What scanners of GraphQL servers try, against the server as it is by default, and against one that is set up for the open internet:
// none of it is answered, each refusal has a code and no detail, and somebody else is served meanwhile.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, origin } from './lib.js';

const times = (count, text) => Array.from({ length: count }, (_, n) => text(n)).join(' ');
const json = { 'content-type': 'application/json' };
const post = (body, headers = json) => ({ method: 'POST', headers, body });
const query = (text) => post(JSON.stringify({ query: text }));
const nested = (depth) => (depth === 0 ? 'name' : `fields { type { ${nested(depth - 1)} } }`);

// Refused by every server.
const refused = {
  'a hundred aliases': query(`{ ${times(101, (n) => `alias${n}: __typename`)} }`),
  'a field five hundred times': query(`{ ${times(500, () => '__typename')} }`),
  'ten unknown directives': query(`{ __typename ${times(10, () => '@aa')} }`),
  'many known directives': query(`{ __typename ${times(50, () => '@include(if: true)')} }`),
  'eleven operations in a batch': post(JSON.stringify(Array(11).fill({ query: '{ __typename }' }))),
  'an empty batch': post('[]'),
  'fields of types of fields of types': query(`{ __schema { types { ${nested(4)} } } }`),
  'fragments in a circle': query(
    '{ __schema { ...A } } fragment A on __Schema { __typename ...B } fragment B on __Schema { ...A }',
  ),
  'an unknown kind of operation': query('qwerty probe { abc }'),
  'no document': post('{}'),
  'what is no JSON': post('{"query":'),
  'a mutation as a form': post('query=mutation%7B__typename%7D', { 'content-type': 'application/x-www-form-urlencoded' }),
  'a query as a form': post('query=%7B__typename%7D', { 'content-type': 'application/x-www-form-urlencoded' }),
  'a query as plain text': post('{"query":"{__typename}"}', { 'content-type': 'text/plain' }),
  'a query as parts of a form': post('--x\r\n\r\n{__typename}\r\n--x--', { 'content-type': 'multipart/form-data; boundary=x' }),
  'a mutation by GET': { search: 'mutation{logout{success}}' },
};

// Refused where the settings say so.
const turnedOff = {
  'questions about the schema': query('{ __schema { types { name } } }'),
  'a question about a type': query('{ __type(name: "User") { name } }'),
};

async function ask(server, { search, ...options }) {
  const url = new URL('/graphql', server);
  if (search) url.searchParams.set('query', search);
  const answer = await fetch(url, options);
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text) };
}

async function probe(server, probes) {
  for (const [what, options] of Object.entries(probes)) {
    const { status, text, body } = await ask(server, options);
    const errors = Array.isArray(body) ? body.flatMap((one) => one.errors ?? []) : (body.errors ?? []);
    const data = Array.isArray(body) ? body.some((one) => one.data) : body.data;
    assert(status < 500 && errors.length > 0 && !data, `${what}: ${status} ${text.slice(0, 300)}`);
    assert(errors.length <= 10 && text.length < 8_000, `${what}: ${text.length} bytes of errors`);
    for (const { extensions } of errors) {
      assert(/^[A-Z_]+$/.test(extensions?.code), `${what}: an error without a code: ${text.slice(0, 300)}`);
      assert(extensions.code !== 'INTERNAL' && !('exception' in extensions), `${what}: ${text.slice(0, 300)}`);
    }
    const { body: well } = await ask(server, query('{ modes { id } }'));
    assert(well.data?.modes.length > 0, `${what}: nobody else is served`);
  }
}

const plain = (await ask(origin, query('{ modes { id } }'))).body;
assert(!plain.extensions?.tracing, 'timings are told');
await probe(origin, refused);

const port = await new Promise((found) => {
  const listener = createServer().listen(0, '127.0.0.1', () => {
    const { port } = listener.address();
    listener.close(() => found(port));
  });
});
const dir = mkdtempSync(join(tmpdir(), 'probes-'));
writeFileSync(
  join(dir, 'settings.toml'),
  '[http]\nconsole = false\ngraphiql = false\nintrospection = false\n[limits]\nexempt_loopback = false\nanonymous_per_minute = 10000\n',
);
const hard = `http://127.0.0.1:${port}`;
const env = {
  ...process.env,
  RANKEDHONOR_ADDR: `127.0.0.1:${port}`,
  RANKEDHONOR_DATA_DIR: dir,
  RANKEDHONOR_CONFIG: join(dir, 'settings.toml'),
};
const server = spawn(process.env.RANKEDHONOR_BINARY, ['serve'], { env, stdio: ['ignore', 'inherit', 'inherit'] });
try {
  for (let tries = 0; !(await fetch(`${hard}/readyz`).catch(() => false)).ok; tries++) {
    assert(tries < 600, 'the server does not come up');
    await new Promise((passed) => setTimeout(passed, 100));
  }
  await probe(hard, { ...refused, ...turnedOff });
  // A name that is nearly right is not put right.
  for (const text of ['{ mode { id } }', '{ modes { naem } }', '{ modes { id @skipp(if: true) } }', '{ user(bye: {}) { id } }']) {
    const { text: said } = await ask(hard, query(text));
    assert(!/did you mean/i.test(said), `a hint: ${said}`);
  }
  for (const path of ['/', '/graphiql', '/explore', '/schema.graphql']) {
    const page = await fetch(`${hard}${path}`);
    assert(page.status === 404, `${path} is there: ${page.status}`);
  }
} finally {
  server.kill();
  rmSync(dir, { recursive: true, force: true });
}
console.log(`probes    ${Object.keys(refused).length} on the default server, ${Object.keys(refused).length + Object.keys(turnedOff).length} and hints on one for the open internet`);
