/** Concurrent imports and deletions at two servers: in every order the catalog matches the repository. */
import fs from 'node:fs'
import t from 'tap'
import { IMPORT } from '../../support/api/app.ts'
import { filesBody } from '../../support/api/multipart.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeCluster } from '../../support/servers/cluster.ts'
import { whyNoPostgres } from '../../support/servers/postgres.ts'
import { startServer, type TestServer } from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'
const FIXIDS = ['a', 'b', 'small']
const ROUNDS = 2
/** The request succeeded, or conflicts with another one. */
const EXPECTED_STATUSES = [200, 400, 409]

function importing(server: TestServer, fixid: string, round: number): Promise<Response> {
  const { payload, headers } = filesBody(packageFiles({ fixid, payload: `round ${round}`, version: `${round}.00` }))
  return server.call(`${IMPORT}?replace=true`, { method: 'POST', headers, body: new Uint8Array(payload) })
}

function deleting(server: TestServer, fixid: string): Promise<Response> {
  const body = JSON.stringify({ fixids: [fixid] })
  return server.call(`${FIRMWARE}?action=delete&filetypes=all`, { method: 'PUT', body })
}

interface Listed {
  readonly packages: readonly { readonly fixid: string }[]
}

t.test(
  'concurrent imports and deletions at several servers leave whole packages',
  { skip: whyNoPostgres() ?? false },
  async (t) => {
    const { directories, optionsOf } = await makeCluster(t)
    const [one, other] = await Promise.all(['one', 'other'].map((name) => startServer(t, optionsOf(name))))
    if (one === undefined || other === undefined) return
    for (let round = 1; round <= ROUNDS; round += 1) {
      const answers = await Promise.all(
        FIXIDS.flatMap((fixid, index) => {
          const [left, right] = (index + round) % 2 === 0 ? [one, other] : [other, one]
          return [importing(left, fixid, round), deleting(right, fixid)]
        })
      )
      for (const answer of answers) {
        const text = await answer.text()
        t.ok(EXPECTED_STATUSES.includes(answer.status), `${answer.status}: ${text}`)
      }
    }
    const { taskid } = await one.json<{ taskid: number }>(`${FIRMWARE}?action=read`, { method: 'PUT', body: '{}' })
    t.equal((await other.finished(taskid)).state, 'complete')

    const files = fs.readdirSync(directories.repositoryDirectory).filter((name) => !name.startsWith('.'))
    const lists = await Promise.all([one, other].map((server) => server.json<Listed>('/api/v1/packages')))
    t.same(lists[0], lists[1])
    const fixids = (lists[0]?.packages ?? []).map(({ fixid }) => fixid)
    const whole = fixids.flatMap((fixid) => Object.keys(packageFiles({ fixid, payload: 'any' })))
    t.same(files.sort(), whole.sort(), 'every package has all its files, and every file a package')
    t.match(await one.json('/api/v1/problems'), { problems: [] })
    const left = fs.readdirSync(directories.repositoryDirectory).filter((name) => name.startsWith('.fixdepot-deleted'))
    t.same(left, [], 'no staged deletion remains')
    for (const server of [one, other]) t.same(await server.stop(), { code: 0, signal: null })
  }
)
