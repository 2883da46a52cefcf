/** Requests, kills, restarts and removals of archives in any order: after each step every task keeps the rules. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { allowTime, ROUNDS } from '../../support/chaos/chaos.ts'
import { type ChaosDepot, FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { type Status, startServer, type TestServer } from '../../support/servers/server.ts'

allowTime(t, 10)

const RUNS = Math.max(2, Math.floor(ROUNDS / 5))
const STEPS = 25

/** The known state of a task, from the answers so far. */
interface Known {
  readonly fixids: readonly string[]
  last: Status | undefined
  isCanceled: boolean
}

interface Model {
  readonly tasks: Map<number, Known>
}

interface Real {
  readonly t: Test
  readonly depot: ChaosDepot
  server: TestServer
}

type Step = fc.AsyncCommand<Model, Real, false>

const TERMINAL = ['complete', 'error', 'canceled']

/** Checks the rules for each status, and for each status against the one before. */
async function checkAll({ tasks }: Model, { server }: Real): Promise<void> {
  for (const [taskid, known] of tasks) {
    const now = await server.status(taskid)
    const isTerminal = TERMINAL.includes(now.state)
    const { last } = known
    const rules: readonly [what: string, holds: boolean][] = [
      ['packages are within their total', now.downloadednum >= 0 && now.downloadednum <= now.total],
      ['bytes are within their total', now.downloadedsize >= 0 && now.downloadedsize <= now.totalsize],
      ['bytes never shrink', last === undefined || now.downloadedsize >= last.downloadedsize],
      ['packages never shrink', last === undefined || now.downloadednum >= last.downloadednum],
      ['100 percent is the end, and the end is 100 percent', isTerminal === (now.progress === 100)],
      ['the end is final', last === undefined || !TERMINAL.includes(last.state) || last.state === now.state],
      ['a canceled task stays canceled', !known.isCanceled || now.state === 'canceled'],
      ['no task fails', now.state !== 'error'],
      ['a complete task has all its bytes', now.state !== 'complete' || now.downloadedsize === now.totalsize]
    ]
    const broken = rules.find(([, holds]) => !holds)
    if (broken !== undefined) throw new Error(`${broken[0]}: ${JSON.stringify({ last, now })}`)
    known.last = now
  }
}

function step(name: string, run: (model: Model, real: Real) => Promise<void>): Step {
  return {
    check: () => true,
    toString: () => name,
    async run(model, real) {
      await run(model, real)
      await checkAll(model, real)
    }
  }
}

/** One of the tasks so far, chosen by a random number. */
function taskAt({ tasks }: Model, index: number): number | undefined {
  return [...tasks.keys()][index % Math.max(1, tasks.size)]
}

const put = fc.uniqueArray(fc.constantFrom(...FIXIDS), { minLength: 1, maxLength: 4 }).map((fixids) =>
  step(`put ${fixids.join(' ')}`, async ({ tasks }, { server }) => {
    const taskid = await server.export({ fixids })
    if (tasks.has(taskid)) throw new Error(`The id ${taskid} was given out again`)
    tasks.set(taskid, { fixids, last: undefined, isCanceled: false })
  })
)

const cancel = fc.nat(50).map((index) =>
  step(`cancel ${index}`, async (model, { server }) => {
    const taskid = taskAt(model, index)
    if (taskid === undefined) return
    const { status } = await server.call(`/api/v1/exports/${taskid}`, { method: 'DELETE' })
    const known = model.tasks.get(taskid)
    if (status === 204 && known !== undefined) known.isCanceled = true
    else if (status !== 409) throw new Error(`The cancellation was answered with ${status}`)
  })
)

const finish = fc.nat(50).map((index) =>
  step(`wait for ${index}`, async (model, { server, depot, t }) => {
    const taskid = taskAt(model, index)
    const known = model.tasks.get(taskid ?? 0)
    if (taskid === undefined || known === undefined) return
    const { state, current } = await server.finished(taskid)
    const isThere = (await depot.archives.finished()).includes(current)
    if (state === 'complete' && isThere) await depot.checkArchive(t, current, known.fixids)
  })
)

const remove = fc.nat(50).map((index) =>
  step(`remove archive ${index}`, async (_, { depot }) => {
    const archives = await depot.archives.finished()
    const name = archives[index % Math.max(1, archives.length)]
    if (name !== undefined) await depot.archives.remove(name)
  })
)

const again = (signal: NodeJS.Signals) =>
  step(signal, async (_, real) => {
    const { code } = await real.server.stop(signal)
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`The server ended with ${code}: ${real.server.stderr()}`)
    real.server = await startServer(real.t, real.depot)
  })

t.test('in any order of steps, every task keeps the rules after each step', async (t) => {
  const steps = fc.commands<Model, Real, false>(
    [put, put, put, cancel, cancel, finish, remove, fc.constant(again('SIGKILL')), fc.constant(again('SIGTERM'))],
    { maxCommands: STEPS }
  )
  const seed = process.env.CHAOS_SEED
  let round = 0
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      round += 1
      await t.test(`order ${round}`, async (t) => {
        const depot = await makeChaosDepot(t, 6 * 2 ** 20)
        const real: Real = { t, depot, server: await startServer(t, depot) }
        const model: Model = { tasks: new Map() }
        await fc.asyncModelRun(() => ({ model, real }), commands)
        for (const [taskid, { isCanceled }] of model.tasks) {
          const { state } = await real.server.finished(taskid)
          t.equal(state, isCanceled ? 'canceled' : 'complete')
        }
        await depot.checkAllWhole(t)
        t.equal(real.server.stderr(), '')
        await real.server.stop()
      })
    }),
    { numRuns: RUNS, endOnFailure: true, ...(seed === undefined ? {} : { seed: Number(seed) }) }
  )
})
