// Made-up operations from the schema, by schemathesis, as an admin: every answer has to be JSON, and every error coded.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { assert, origin, run } from './lib.js';

const VERSION = '4.32.5';
const home = new URL('../../target/tools/schemathesis/', import.meta.url).pathname;
const sh = (command, args, options = {}) => {
  const done = spawnSync(command, args, { encoding: 'utf8', ...options });
  assert(done.status === 0, `${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return done.stdout;
};

if (!existsSync(`${home}bin/st`)) {
  sh('python3', ['-m', 'venv', home]);
  sh(`${home}bin/pip`, ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`]);
}

const password = 'correct-horse-42-battery';
const make = ['admin', 'create-user', '--username', 'fuzzer', '--email', 'fuzzer@example.com', '--role', 'admin'];
sh(process.env.RANKEDHONOR_BINARY, make, { input: `${password}\n` });
const login = 'mutation($input: LoginInput!) { login(input: $input) { accessToken } }';
const { accessToken } = (await run(login, { input: { login: 'fuzzer', password } })).login;

// Those that would end its session are left out.
const left = ['logout', 'logoutEverywhere', 'changePassword'].flatMap((name) => ['--exclude-name', `Mutation.${name}`]);
const options = ['--checks', 'coded_error', '--max-examples', process.env.EXAMPLES ?? '8', '--phases', 'fuzzing'];
const more = ['--suppress-health-check', 'all', '--warnings', 'off', '--request-timeout', '60'];
const as = ['--header', `Authorization: Bearer ${accessToken}`];
const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', SCHEMATHESIS_HOOKS: 'fuzz_checks', PYTHONPATH: new URL('.', import.meta.url).pathname };
const said = sh(`${home}bin/st`, ['run', `${origin}/graphql`, ...options, ...more, ...left, ...as], { env });
console.log(`fuzz      ${said.match(/(\d+) generated, \d+ passed/)?.[0]} of ${said.match(/Tested: (\d+)/)?.[1]} operations`);
