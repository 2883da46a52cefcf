/**
 * Runs the tests that depend on where things are kept with everything in PostgreSQL and S3: the same tests that `npm
 * test` runs with a file and a directory. One PostgreSQL serves all of them; the S3 server is started by the first test
 * that needs it. Arguments are tests to run instead, and options of tap.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { startPostgres } from './postgres-server.ts'

/** Routes that read and write tasks, archives, users and the catalog, and what has to outlast kills. */
const TESTS = [
  'test/api/transfer/download-lifecycle.test.ts',
  'test/api/transfer/send-file.test.ts',
  'test/api/lxca/shared-exports.test.ts',
  'test/api/api/exports/archive-routes.test.ts',
  'test/api/api/exports/event-routes.test.ts',
  'test/api/api/exports/export-content-routes.test.ts',
  'test/api/api/exports/export-routes.test.ts',
  'test/api/lxca/action-routes.test.ts',
  'test/api/lxca/cancel-routes.test.ts',
  'test/api/lxca/delete-action.test.ts',
  'test/api/lxca/import-routes.test.ts',
  'test/api/lxca/session-routes.test.ts',
  'test/api/lxca/status-routes.test.ts',
  'test/api/lxca/task-routes.test.ts',
  'test/system/chaos/crowd.test.ts',
  'test/system/chaos/kill.test.ts',
  'test/system/chaos/links.test.ts',
  'test/system/chaos/model.test.ts',
  'test/system/chaos/races.test.ts'
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
