/**
 * Runs the tests that depend on where things are kept with everything in PostgreSQL and S3: the same tests that `npm test` runs with a file
 * and a directory. One PostgreSQL serves all of them; the S3 server is started by the first test that needs it. Arguments are
 * tests to run instead, and options of tap.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { startPostgres } from './postgres-server.ts'

/** Routes that read and write tasks, archives, users and the catalog, and what has to outlast kills. */
const TESTS = [
  'test/http/download-lifecycle.test.ts',
  'test/http/send-file.test.ts',
  'test/http/shared-exports.test.ts',
  'test/http/api/archive-routes.test.ts',
  'test/http/api/event-routes.test.ts',
  'test/http/api/export-content-routes.test.ts',
  'test/http/api/export-routes.test.ts',
  'test/http/lxca/action-routes.test.ts',
  'test/http/lxca/cancel-routes.test.ts',
  'test/http/lxca/delete-action.test.ts',
  'test/http/lxca/import-routes.test.ts',
  'test/http/lxca/session-routes.test.ts',
  'test/http/lxca/status-routes.test.ts',
  'test/http/lxca/task-routes.test.ts',
  'test/chaos/crowd.test.ts',
  'test/chaos/kill.test.ts',
  'test/chaos/links.test.ts',
  'test/chaos/model.test.ts',
  'test/chaos/races.test.ts'
]

const given = process.argv.slice(2)
const tests = given.some((argument) => argument.endsWith('.ts')) ? given : [...TESTS, ...given]
const postgres = process.env.TEST_POSTGRES === undefined ? await startPostgres() : undefined
const environment = {
  ...process.env,
  TEST_ENGINE: 'postgres',
  TEST_ARCHIVES: 's3',
  TEST_POSTGRES: postgres?.url('postgres') ?? process.env.TEST_POSTGRES
}
const tap = spawn('tap', ['run', ...tests], { env: environment, stdio: 'inherit' })
const [code] = await once(tap, 'exit')
await postgres?.remove()
process.exitCode = code ?? 1
