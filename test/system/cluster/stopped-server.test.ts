/** A server that stands still for longer than others wait for it, and then goes on. */
import fs from 'node:fs'
import t from 'tap'
import { download, hasStarted, makeCluster } from '../../support/servers/cluster.ts'
import { whyNoPostgres } from '../../support/servers/postgres.ts'
import { startServer, until } from '../../support/servers/server.ts'

const HUGE_BYTES = 192 * 2 ** 20
const skip = whyNoPostgres() ?? false

t.test(
  'what a server was packing when it was held up is packed once, and it works on afterwards',
  { skip },
  async (t) => {
    const { archives, optionsOf } = await makeCluster(t, HUGE_BYTES)
    const [one, other] = await Promise.all([startServer(t, optionsOf('one')), startServer(t, optionsOf('other'))])
    const taskid = await one.export({ fixids: ['huge'] })
    await until('somebody packs it', () => [one, other].some(hasStarted(taskid)))
    const [held, free] = hasStarted(taskid)(one) ? [one, other] : [other, one]
    held.child.kill('SIGSTOP')
    t.not((await free.status(taskid)).state, 'complete', 'it was in the middle of it')
    const { state, current } = await free.finished(taskid)
    t.equal(state, 'complete')
    t.ok(hasStarted(taskid)(free), 'another one has taken it over')
    const packed = fs.statSync(`${archives}/${current}`)
    held.child.kill('SIGCONT')
    await until('it is ready again', async () => (await held.call('/health/ready')).status === 200)
    await until(
      'nothing but the archive is left',
      () =>
        fs
          .readdirSync(archives)
          .filter((name) => /zip/.test(name))
          .join() === current
    )
    t.match(fs.statSync(`${archives}/${current}`), { ino: packed.ino, size: packed.size, mtimeMs: packed.mtimeMs })
    t.match(await held.status(taskid), { state: 'complete', current })
    const next = await held.finished(await held.export({ fixids: ['small'] }))
    t.equal(next.state, 'complete')
    t.ok((await download(held, next.current)).equals(await download(free, next.current)))
    for (const server of [held, free]) t.same(await server.stop(), { code: 0, signal: null })
  }
)
