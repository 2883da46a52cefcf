/** Servers that share a database notify each other; a server whose connection is terminated listens again. */
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { readEvents } from '../../support/api/read-events.ts'
import { makeCluster } from '../../support/servers/cluster.ts'
import { whyNoPostgres } from '../../support/servers/postgres.ts'
import { startServer, type TestServer, until } from '../../support/servers/server.ts'

/** The connections on which the servers of this database listen. */
const LISTENERS = `select pid from pg_stat_activity where datname = current_database()
  and application_name = 'fixdepot notifications' and state = 'idle' and query ~ '^(listen|select pg_notify)' order by pid`

async function connect(t: Test, connectionString: string): Promise<Client> {
  const client = new Client({ connectionString })
  await client.connect()
  t.teardown(() => client.end())
  return client
}

async function receivesCompletion(server: TestServer, taskid: Promise<number>): Promise<boolean> {
  const events = readEvents(await server.call('/api/v1/events'))
  for await (const { data } of events) if (data.id === (await taskid) && data.state === 'completed') return true
  return false
}

t.test('terminated connections for notifications are opened again', { skip: whyNoPostgres() ?? false }, async (t) => {
  const { databaseUrl, optionsOf } = await makeCluster(t)
  const one = await startServer(t, optionsOf('one'))
  const other = await startServer(t, optionsOf('other', { FIXDEPOT_ROLE: 'api' }))
  const client = await connect(t, databaseUrl)
  const listeners = async () => (await client.query<{ pid: number }>(LISTENERS)).rows.map(({ pid }) => pid)
  for (const round of [1, 2]) {
    await until('both servers listen', async () => (await listeners()).length === 2)
    const former = await listeners()
    for (const pid of former) await client.query('select pg_terminate_backend($1)', [pid])
    await until('both servers listen again', async () => {
      const pids = await listeners()
      return pids.length === 2 && !pids.some((pid) => former.includes(pid))
    })
    const accepted = Promise.withResolvers<number>()
    const received = [one, other].map((server) => receivesCompletion(server, accepted.promise))
    accepted.resolve(await other.export({ fixids: [round === 1 ? 'small' : 'huge'] }))
    t.same(await Promise.all(received), [true, true], `round ${round}`)
  }
  for (const server of [one, other]) t.same(await server.stop(), { code: 0, signal: null })
})
