/** The audit trail of the real server, which is killed and restarted. */
import path from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { verifyAudit } from '../../../src/admin/audit.ts'
import { packageFiles } from '../../support/packages.ts'
import { ADMIN_PASSWORD, makeDirectories, startServer } from '../../support/servers/server.ts'

const KILLS = 3
const CLIENTS = 8

interface Row {
  readonly targets: string
  readonly action: string
  readonly user: string
}

t.test('every acknowledged request has its record after a kill, and the chain is whole', async (t) => {
  const names = ['a', 'b', 'c']
  const directories = makeDirectories(
    t,
    Object.assign({}, ...names.map((fixid) => packageFiles({ fixid, payload: fixid })))
  )
  const databaseFile = path.join(directories.dataDirectory, 'fixdepot.db')
  const acknowledged: number[] = []
  for (let round = 0; round < KILLS; round += 1) {
    const server = await startServer(t, directories)
    let isRunning = true
    const enough = acknowledged.length + 40
    const clients = Array.from({ length: CLIENTS }, async (_, index) => {
      while (isRunning) {
        const taskid = await server.export({ fixids: [names[index % names.length]] }).catch(() => undefined)
        if (taskid === undefined) return
        acknowledged.push(taskid)
        // Requests of other clients are in progress.
        if (acknowledged.length === enough) server.child.kill('SIGKILL')
      }
    })
    await server.ended
    isRunning = false
    await Promise.all(clients)
  }
  const last = await startServer(t, directories)
  const lines: string[] = []
  const code = await verifyAudit({ databaseFile }, { print: (line) => lines.push(line) })
  t.equal(code, 0, 'the trail is sound while a server runs')
  await last.export()
  await last.stop()

  const database = new Database(databaseFile, { readonly: true })
  const rows = database.prepare<[], Row>('select targets, action, user from audit').all()
  database.close()
  const recorded = new Set(rows.flatMap(({ targets }) => JSON.parse(targets) as string[]))
  const lost = acknowledged.filter((taskid) => !recorded.has(`task:${taskid}`))
  t.same(lost, [])
  t.ok(acknowledged.length >= KILLS * 40)
  t.ok(rows.every(({ action, user }) => action === 'changeFirmware:export' && user === 'admin'))
  t.notOk(JSON.stringify(rows).includes(ADMIN_PASSWORD))
  t.comment(`${acknowledged.length} exports acknowledged, ${rows.length} records, 0 lost`)
})
