import path from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { runProgram } from '../../support/cli/run-program.ts'

t.test('the database is made or migrated once; one of a newer version is refused', async (t) => {
  const cwd = t.testdir({})
  const migrate = () => runProgram(['migrate'], { cwd })
  t.same(await migrate(), { code: 0, stdout: 'Migrated: 0001-initial\n', stderr: '' })
  t.same(await migrate(), { code: 0, stdout: 'The database is up to date.\n', stderr: '' })
  const database = new Database(path.join(cwd, 'data/fixdepot.db'))
  database.exec("insert into kysely_migration values ('9999-future', '')")
  database.close()
  t.match(await migrate(), { code: 1, stdout: '', stderr: /^The database .* has the schema 9999-future, / })
})
