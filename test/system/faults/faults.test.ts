/** Disks fail while the server runs: the n-th call of a kind fails, for n = 1, 2, 3 … until a run meets no fault. */
import t, { type Test } from 'tap'
import { allowTime, IS_THOROUGH } from '../../support/chaos/chaos.ts'
import { type ChaosDepot, FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { buildFaultShim, type Fault, type FaultShim, withoutFaults } from '../../support/chaos/fault-shim.ts'
import { type Status, startServer, type TestServer, until } from '../../support/servers/server.ts'

allowTime(t, 10)

/** A limit for the calls on the database, which are many and repeat. */
const MAX_NUMBER = IS_THOROUGH ? 200 : 8
const LARGEST_BYTES = 9 * 2 ** 20

const skip = withoutFaults()

interface Faulty {
  readonly depot: ChaosDepot
  readonly server: TestServer
  readonly shim: FaultShim
  /** A selection that has not been exported yet. */
  fresh(): string[]
}

async function startFaulty(t: Test): Promise<Faulty> {
  const shim = buildFaultShim(t)
  const chaos = await makeChaosDepot(t, LARGEST_BYTES)
  const depot = { ...chaos, settings: shim.environment }
  let serial = 0
  return {
    depot,
    shim,
    server: await startServer(t, depot),
    fresh() {
      serial += 1
      // With the largest package every export writes and syncs.
      return [FIXIDS[0] ?? '', ...FIXIDS.slice(1).filter((_, bit) => (serial >> bit) & 1)]
    }
  }
}

/** Sets one fault after the other; `attempt` is one run that may meet the fault. */
async function forEachNumber(
  t: Test,
  { shim, server }: Faulty,
  fault: Omit<Fault, 'number'>,
  attempt: (isMet: () => boolean) => Promise<void>
): Promise<void> {
  let met = 0
  for (let number = 1; number <= MAX_NUMBER; number += 1) {
    shim.set({ ...fault, number })
    let isMet = false
    await attempt(() => {
      isMet ||= shim.clear()
      return isMet
    })
    isMet ||= shim.clear()
    if (!isMet) break
    met += 1
  }
  t.ok(met > 0, `${met} faults were met`)
  t.equal(server.child.exitCode, null, 'the server is up')
}

/** The export ends with a whole archive, or fails with a reason and leaves no part. */
async function endsWell(t: Test, { server, depot }: Faulty, taskid: number, fixids: string[]): Promise<Status> {
  const status = await server.finished(taskid)
  if (status.state === 'complete') await depot.checkArchive(t, status.current, fixids)
  else t.match(status, { state: 'error', current: '', message: /\S/ })
  await until('no part is left', async () => (await depot.archives.unfinished()).length === 0)
  return status
}

for (const error of ['ENOSPC', 'EIO'] as const) {
  for (const call of ['write', 'sync', 'rename'] as const) {
    t.test(`${error} from the n-th ${call} of an archive fails that export only`, { skip }, async (t) => {
      const faulty = await startFaulty(t)
      await forEachNumber(t, faulty, { call, path: '/archives/', error }, async () => {
        const fixids = faulty.fresh()
        const status = await endsWell(t, faulty, await faulty.server.export({ fixids }), fixids)
        if (status.state !== 'complete') {
          t.match(status.message, error === 'ENOSPC' ? /no space left/ : /cannot be written: EIO/)
        }
        const again = await endsWell(t, faulty, await faulty.server.export({ fixids }), fixids)
        t.equal(again.state, 'complete', 'the next export completes')
      })
    })
  }
}

t.test('EIO from the n-th read of a file fails the export, and names the file', { skip }, async (t) => {
  const faulty = await startFaulty(t)
  await forEachNumber(t, faulty, { call: 'read', path: '/repository/', error: 'EIO' }, async () => {
    const fixids = faulty.fresh()
    const status = await endsWell(t, faulty, await faulty.server.export({ fixids }), fixids)
    if (status.state !== 'complete') t.match(status.message, /pack-[a-l]\.\w{3} .*cannot be read: EIO/)
  })
})

for (const error of ['ENOSPC', 'EIO'] as const) {
  for (const call of ['write', 'sync', 'read'] as const) {
    t.test(`${error} from the n-th ${call} of the database loses no acknowledged export`, { skip }, async (t) => {
      const faulty = await startFaulty(t)
      const { server } = faulty
      await forEachNumber(t, faulty, { call, path: 'fixdepot.db', error }, async (isMet) => {
        const fixids = faulty.fresh()
        const init = { method: 'PUT', body: JSON.stringify({ fixids }) }
        const response = await server.call('/updateRepositories/firmware?action=export', init)
        t.match(response.status, /^(200|503)$/)
        const body = (await response.json()) as { taskid: number; messages: { text: string }[] }
        if (response.status === 503) {
          t.ok(response.headers.get('retry-after'))
          t.match(
            body.messages[0]?.text,
            /^(The database|There is no space left|The disk of the database|The worker|The request cannot be recorded) /
          )
        } else {
          await untilAnswered(server, body.taskid)
          await endsWell(t, faulty, body.taskid, fixids)
        }
        isMet()
        const after = await endsWell(t, faulty, await server.export({ fixids }), fixids)
        t.equal(after.state, 'complete', 'the next export completes')
      })
    })
  }
}

/** Polls until the task has ended. A status call may itself meet the fault. */
async function untilAnswered(server: TestServer, taskid: number): Promise<void> {
  await until('the status is answered', async () => {
    const response = await server.call(`/updateRepositories/firmware/status?taskid=${taskid}`)
    return response.status === 200 && ((await response.json()) as Status).progress === 100
  })
}
