/**
 * Several servers on one PostgreSQL and one bucket: speed of claims, export throughput, growth of a queue.
 */
import { type Bench, inMegabytes, type Table, target } from './bench.ts'
import { type Claims, measureClaims } from './claims.ts'
import { missingEngine, startEngines } from './engines.ts'
import { exponentOf } from './growth.ts'
import { LOADS, type ManyServers, measureManyServers } from './many-servers.ts'
import { toTable } from './scale.ts'
import { measureTasks } from './scale-steps.ts'

const TWO_SERVERS = 1.8
const LINEAR = 1.15

export const benchCluster: Bench = async (context) => {
  const missing = missingEngine()
  if (missing !== undefined) {
    process.stderr.write(`  left out: ${missing} is not installed\n`)
    return { tables: [], targets: [] }
  }
  const engines = await startEngines(context.workspace)
  const claims = await measureClaims(context, engines)
  const queue = await measureTasks(context, { FIXDEPOT_DATABASE_URL: await engines.newDatabase() })
  await engines.stop()
  const many = await measureManyServers(context)
  const [slow] = LOADS
  return {
    tables: [
      toClaimsTable(claims),
      toServersTable(many),
      { ...toTable(queue, []), title: 'How it grows with queued tasks, in PostgreSQL' }
    ],
    targets: [
      target('cluster: jobs claimed twice', sum(claims.map(({ twice }) => twice)), { atMost: 0 }),
      target(
        'cluster: two servers export as much as one, where neither disk nor cores are the limit, ×',
        ratioToOne(
          many,
          many.find(({ load, servers }) => load === slow && servers === 2)
        ),
        { atLeast: TWO_SERVERS }
      ),
      target(
        `cluster: over the last factor of ten the time is linear in queued tasks, or less (exponent at most ${LINEAR})`,
        exponentOf(queue, ({ seconds }) => seconds),
        { atMost: LINEAR }
      ),
      target('cluster: exports that have failed', sum(queue.steps.map(({ failed }) => failed)), { atMost: 0 })
    ]
  }
}

function toClaimsTable(claims: readonly Claims[]): Table {
  return {
    title: 'Work that is shared by several clients',
    head: ['clients', 'claims a second', 'ends a second', 'claimed twice'],
    rows: claims.map(({ clients, claimsPerSecond, endsPerSecond, twice }) => [
      String(clients),
      claimsPerSecond.toFixed(0),
      endsPerSecond.toFixed(0),
      String(twice)
    ]),
    notes: [
      'A process each, with a connection to one PostgreSQL beside them, on the same cores. A claim is a transaction of two statements; an end is one of ' +
        'four, which are serialized (`writeTransaction`), and all are on the disk when they return.'
    ]
  }
}

function toServersTable(many: readonly ManyServers[]): Table {
  return {
    title: 'Exports by several servers',
    head: ['', 'servers', 'seconds', 'exports an hour', 'MB/s', '× one', 'idle cores'],
    rows: many.map((step) => [
      step.load.name,
      String(step.servers),
      step.seconds.toFixed(1),
      step.exportsPerHour.toFixed(0),
      inMegabytes(step.bytesPerSecond),
      ratioToOne(many, step).toFixed(2),
      `${(step.idle * 100).toFixed(0)} %`
    ]),
    notes: [
      ...LOADS.map(
        ({ name, exports }) =>
          `${name}: ${exports} exports of a package of the corpus \`payloads\` each, requested at once.`
      ),
      'Archives go to radosgw, which runs on the same cores as the servers, PostgreSQL and the clients. If cores are idle, the limit is what a server sends; ' +
        'if none is, they all share the two cores.'
    ]
  }
}

/** Export throughput relative to one server with the same load. */
function ratioToOne(many: readonly ManyServers[], step: ManyServers | undefined): number {
  const one = many.find(({ load, servers }) => load === step?.load && servers === 1)
  return (step?.exportsPerHour ?? Number.NaN) / (one?.exportsPerHour ?? Number.NaN)
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
