import { createHash } from 'node:crypto'
import path from 'node:path'
import { Writable } from 'node:stream'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { exportAudit, verifyAudit } from '../../../src/admin/audit.ts'
import { backUp } from '../../../src/admin/backup.ts'
import type { AuditEvent, AuditRecord } from '../../../src/core/accounts/audit.ts'
import { appendEvents } from '../../../src/store/accounts/audit-store.ts'
import { type AdminDepot, makeAdminDepot, runDoctor } from '../../support/admin/admin-depot.ts'

const COUNT = 8
const HASH = /[0-9a-f]{64}/

function event(number: number): AuditEvent {
  return {
    time: new Date(Date.UTC(2026, 0, number)),
    user: 'ann',
    credential: 'basic',
    address: '192.0.2.7',
    requestId: `req-${number}`,
    action: 'createExport',
    targets: [`fixid:${number}`, 'Zoë "\\'],
    status: 201,
    problem: '',
    count: 1
  }
}

async function makeAuditedDepot(t: Test): Promise<AdminDepot> {
  const depot = await makeAdminDepot(t)
  await depot.change((db) =>
    appendEvents(
      db,
      Array.from({ length: COUNT }, (_, index) => event(index + 1))
    )
  )
  return depot
}

async function verify(
  depot: Pick<AdminDepot, 'databaseFile'>,
  expected?: string
): Promise<{ lines: string[]; code: number }> {
  const lines: string[] = []
  const code = await verifyAudit(depot, { expected, print: (line) => lines.push(line) })
  return { lines, code }
}

async function exported(depot: AdminDepot, options: { since?: string; until?: string } = {}): Promise<string[]> {
  let text = ''
  // One line at a time, so that the writer has to wait.
  const output = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      text += chunk
      setImmediate(done)
    }
  })
  await exportAudit(depot, { ...options, output })
  return text.split('\n').slice(0, -1)
}

/** Changes the file as an attacker with access to it: removes the triggers, and creates them again afterwards. */
function tamper(depot: AdminDepot, statements: readonly string[]): void {
  const raw = new Database(depot.databaseFile)
  const triggers = raw.prepare<[], { name: string; sql: string }>(
    "select name, sql from sqlite_schema where type = 'trigger' and tbl_name = 'audit'"
  )
  const known = triggers.all()
  for (const { name } of known) raw.exec(`drop trigger ${name}`)
  for (const statement of statements) raw.exec(statement)
  for (const { sql } of known) raw.exec(sql)
  raw.close()
}

t.test('a sound trail is printed with its first and its last hash', async (t) => {
  const depot = await makeAuditedDepot(t)
  const { lines, code } = await verify(depot)
  t.equal(code, 0)
  t.match(lines, [
    'Records, all of them sound: 8.',
    /^first: number 1, 2026-01-01T00:00:00\.000Z, hash [0-9a-f]{64}$/,
    /^last: number 8, 2026-01-08T00:00:00\.000Z, hash [0-9a-f]{64}$/
  ])
  t.same(await runDoctor(depot), { lines: ['Everything is sound.'], code: 0 })
})

t.test('a trail without records is sound', async (t) => {
  t.same(await verify(await makeAdminDepot(t)), { lines: ['Records, all of them sound: 0.'], code: 0 })
})

t.test('every change in the file is found, with the number of the record', async (t) => {
  const columns = 'time, user, credential, address, request_id, action, targets, status, problem, count'
  const copyTo = (number: string) =>
    `insert into audit select ${number}, ${columns}, previous_hash, hash from audit where number = 4`
  for (const [what, statements, found] of [
    ['a user', ["update audit set user = 'eve' where number = 4"], /^audit: The record 4 was changed/],
    ['a time', ["update audit set time = '2026-01-04T00:00:00.001Z' where number = 4"], /The record 4 was changed/],
    ['targets', ["update audit set targets = '[]' where number = 4"], /The record 4 was changed/],
    ['invalid targets', ["update audit set targets = 'x' where number = 4"], /The record 4 was changed/],
    ['a status', ["update audit set status = '201x' where number = 4"], /The record 4 was changed/],
    ['a hash', ["update audit set hash = 'x' where number = 8"], /The record 8 was changed/],
    ['one removed', ['delete from audit where number = 4'], /The record 4 is missing/],
    ['the first ones removed', ['delete from audit where number < 4'], /The records 1 to 3 are missing/],
    [
      'one removed, and the others renumbered',
      ['delete from audit where number = 4', 'update audit set number = number - 1 where number > 4'],
      /The record 4 does not belong here: the one that it follows was removed/
    ],
    [
      'two that are swapped',
      [
        'update audit set number = 99 where number = 4',
        'update audit set number = 4 where number = 5',
        'update audit set number = 5 where number = 99'
      ],
      /The record 4 does not belong here: it follows another one/
    ],
    [
      'one inserted',
      [
        'update audit set number = -number where number > 4',
        'update audit set number = 1 - number where number < 0',
        copyTo('5')
      ],
      /The record 5 was put in: it is a copy/
    ],
    ['one before the first', [copyTo('0')], /The record 0 was put in/]
  ] as const) {
    await t.test(what, async (t) => {
      const depot = await makeAuditedDepot(t)
      tamper(depot, statements)
      const { lines, code } = await verify(depot)
      t.match(lines[0], found)
      t.equal(code, 1)
      const doctor = await runDoctor(depot)
      t.match(doctor.lines[0], /^database: The audit trail was changed\. The records? \d/)
      t.equal(doctor.code, 1)
    })
  }
})

t.test('a trail whose end is missing lacks the hash that was stored elsewhere', async (t) => {
  const depot = await makeAuditedDepot(t)
  const [, hash = ''] = /last: .*hash (\S+)/.exec((await verify(depot)).lines.join('\n')) ?? []
  await depot.change((db) => appendEvents(db, [event(9)]))
  t.match(await verify(depot, hash), { code: 0, lines: ['Records, all of them sound: 9.'] })
  tamper(depot, ['delete from audit where number > 7'])
  t.match(await verify(depot), { code: 0 }, 'the trail alone does not show it')
  const { lines, code } = await verify(depot, hash)
  t.match(lines[0], /^audit: The trail ends with the record 7, and no record has the expected hash/)
  t.equal(code, 1)
  await t.rejects(verify(depot, 'abc'), { name: 'Refusal', message: /64 hexadecimal digits/ })
})

t.test('a trail without its triggers is found', async (t) => {
  const depot = await makeAuditedDepot(t)
  const raw = new Database(depot.databaseFile)
  raw.exec('drop trigger audit_stays_whole')
  raw.close()
  const { lines, code } = await verify(depot)
  t.equal(lines.at(-1), 'audit: The audit trail is not protected: the triggers audit_stays_whole are missing.')
  t.equal(code, 1)
  t.match(await runDoctor(depot), { code: 1, lines: [/^database: The audit trail is not protected/] })
})

t.test('an export has one line for each record, whose hash can be computed from the line', async (t) => {
  const depot = await makeAuditedDepot(t)
  const lines = await exported(depot)
  const records = lines.map((line) => JSON.parse(line) as AuditRecord)
  t.match(records[3], { number: 4, user: 'ann', action: 'createExport', targets: ['fixid:4', 'Zoë "\\'], hash: HASH })
  let previous = '0'.repeat(64)
  for (const [index, line] of lines.entries()) {
    const text = `${line.slice(0, line.lastIndexOf(',"hash":'))}}`
    const hash = createHash('sha256').update(text).digest('hex')
    t.match(records[index], { number: index + 1, previousHash: previous, hash })
    previous = hash
  }
})

t.test('an export can be limited to some days', async (t) => {
  const depot = await makeAuditedDepot(t)
  const days = async (options: { since?: string; until?: string }) =>
    (await exported(depot, options)).map((line) => JSON.parse(line).number)
  t.same(await days({ since: '2026-01-07' }), [7, 8])
  t.same(await days({ until: '2026-01-03T00:00:00Z' }), [1, 2])
  t.same(await days({ since: '2026-01-03', until: '2026-01-05' }), [3, 4])
  await t.rejects(days({ since: 'yesterday' }), { name: 'Refusal', message: /^--since must be a day or a time in UTC/ })
})

t.test('an export ends when its output is closed', async (t) => {
  const depot = await makeAuditedDepot(t)
  const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
  await t.rejects(exportAudit(depot, { output }), { name: 'Refusal', message: /^The output cannot be written/ })
})

t.test('a backup contains the trail, and a restored depot continues it', async (t) => {
  const depot = await makeAuditedDepot(t)
  const databaseFile = path.join(depot.dataDirectory, 'copy.db')
  await backUp(depot.databaseFile, databaseFile)
  t.same(await verify({ databaseFile }), await verify(depot))
  const copy = new Database(databaseFile)
  t.throws(() => copy.exec('delete from audit'), /append-only/)
  copy.close()
})

t.test('a database of another schema, and a missing one, are not checked', async (t) => {
  const depot = await makeAuditedDepot(t)
  const raw = new Database(depot.databaseFile)
  raw.exec('delete from kysely_migration')
  raw.close()
  t.match(await verify(depot), { code: 2, lines: [/^cannot check: The database has the schema/] })
  await t.rejects(exported(depot), { name: 'Refusal' })
  await t.rejects(verify({ databaseFile: `${depot.databaseFile}x` }), { name: 'DatabaseUnusable' })
})
