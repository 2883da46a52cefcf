/** The clock of the machine jumps, far forward and far back. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { allowTime } from '../../support/chaos/chaos.ts'
import { FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { startServer } from '../../support/servers/server.ts'

allowTime(t, 5)

const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (host) => `/usr/lib/${host}/faketime/libfaketimeMT.so.1`
)
const library = LIBRARIES.find((file) => fs.existsSync(file))

const JUMPS = ['+3650d', '-3650d', '+1d', '-40d', '+0']

t.test(
  'exports complete when the clock jumps, and each task and archive has a unique name',
  { skip: library === undefined && 'needs libfaketime' },
  async (t) => {
    const depot = await makeChaosDepot(t, 24 * 2 ** 20)
    const clock = path.join(path.dirname(depot.dataDirectory), 'clock')
    const jump = (to: string) => fs.writeFileSync(clock, to)
    jump('+0')
    const server = await startServer(t, {
      ...depot,
      settings: {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        // As on a real machine: setting the clock does not change the monotonic time.
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1'
      }
    })
    const ids: number[] = []
    const names = new Set<string>()
    for (const [index, to] of JUMPS.entries()) {
      const taskid = await server.export({ fixids: FIXIDS.slice(0, index + 1) })
      jump(to)
      const { state, current } = await server.finished(taskid)
      t.equal(state, 'complete', `the clock jumped to ${to}`)
      await depot.checkArchive(t, current, FIXIDS.slice(0, index + 1))
      ids.push(taskid)
      names.add(current)
    }
    t.same(
      ids,
      ids.toSorted((left, right) => left - right)
    )
    t.equal(names.size, JUMPS.length)
    t.ok(
      new Set([...names].map((name) => name.slice('repository'.length, 'repositoryYYYY'.length))).size > 1,
      'the clock did jump'
    )
    t.equal(server.stderr(), '')
  }
)
