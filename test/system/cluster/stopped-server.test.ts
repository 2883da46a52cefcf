/** A server is stopped by SIGSTOP for longer than its peers wait for its heartbeat, and then continues. */
import fs from 'node:fs'
import t from 'tap'
import { download, hasStarted, makeCluster } from '../../support/servers/cluster.ts'
import { whyNoPostgres } from '../../support/servers/postgres.ts'
import { startServer, until } from '../../support/servers/server.ts'

const HUGE_BYTES = 192 * 2 ** 20
const skip = whyNoPostgres() ?? false

t.test(
  'a peer takes over the export of a stopped server, and the server works again after it continues',
  { skip },
  async (t) => {
    const { archives, optionsOf } = await makeCluster(t, HUGE_BYTES)
    const [one, other] = await Promise.all([startServer(t, optionsOf('one')), startServer(t, optionsOf('other'))])
    const taskid = await one.export({ fixids: ['huge'] })
    await until('a server has started the export', () => [one, other].some(hasStarted(taskid)))
    const [stopped, peer] = hasStarted(taskid)(one) ? [one, other] : [other, one]
    stopped.child.kill('SIGSTOP')
    t.not((await peer.status(taskid)).state, 'complete', 'the export is unfinished')
    const { state, current } = await peer.finished(taskid)
    t.equal(state, 'complete')
    t.ok(hasStarted(taskid)(peer), 'the peer has taken the export over')
    const packed = fs.statSync(`${archives}/${current}`)
    stopped.child.kill('SIGCONT')
    await until('the server is ready again', async () => (await stopped.call('/health/ready')).status === 200)
    await until(
      'only the archive remains',
      () =>
        fs
          .readdirSync(archives)
          .filter((name) => /zip/.test(name))
          .join() === current
    )
    t.match(fs.statSync(`${archives}/${current}`), { ino: packed.ino, size: packed.size, mtimeMs: packed.mtimeMs })
    t.match(await stopped.status(taskid), { state: 'complete', current })
    const next = await stopped.finished(await stopped.export({ fixids: ['small'] }))
    t.equal(next.state, 'complete')
    t.ok((await download(stopped, next.current)).equals(await download(peer, next.current)))
    for (const server of [stopped, peer]) t.same(await server.stop(), { code: 0, signal: null })
  }
)
