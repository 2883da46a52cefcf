/** `npm run fuzz`: see fuzz.ts. */
import { parseArgs } from 'node:util'
import { type FuzzReport, fuzz } from './fuzz.ts'
import { startFuzzServer } from './fuzz-server.ts'

const USAGE = `Usage: npm run fuzz -- [options]

Sends valid and hostile requests for all operations of a server's description, and checks every answer.

  --requests NUMBER   number of requests (default: 20000)
  --seed NUMBER       repeats the choices of an earlier run (default: a new seed)
  --url URL           a running server, over plain HTTP; the run changes its repository. FIXDEPOT_USER and
                      FIXDEPOT_PASSWORD must be those of an administrator.
`

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    url: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) process.stdout.write(USAGE)
else process.exitCode = (await run(Number(values.requests), Number(values.seed), values.url)) ? 0 : 1

async function run(requests: number, seed: number, url: string | undefined): Promise<boolean> {
  process.stdout.write(`${requests} requests, --seed=${seed}\n`)
  const own = url === undefined ? await startFuzzServer(1) : undefined
  const { FIXDEPOT_USER = 'admin', FIXDEPOT_PASSWORD = '' } = process.env
  const login = Buffer.from(`${FIXDEPOT_USER}:${FIXDEPOT_PASSWORD}`).toString('base64')
  const report = await fuzz({
    url: own?.url ?? url ?? '',
    authorization: own?.authorization ?? `Basic ${login}`,
    pid: own?.pid,
    requests,
    seed,
    onProgress(done) {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} `)
    }
  })
  const errors = own?.errors() ?? []
  await own?.stop()
  print(report, errors)
  return report.failures.length + errors.length === 0
}

function print({ requests, seconds, statuses, succeeded, operations, failures }: FuzzReport, errors: string[]): void {
  const counts = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`)
  const never = operations.filter((name) => !succeeded.has(name))
  const lines = [
    `${requests} requests in ${seconds.toFixed(1)} s, ${(requests / seconds).toFixed(0)} a second`,
    counts.join(', '),
    `${succeeded.size} of ${operations.length} operations have succeeded${never.length > 0 ? `, never: ${never.join(', ')}` : ''}`,
    ...failures.map((failure) => `FAILED ${failure}`),
    ...errors.slice(0, 10).map((line) => `LOGGED ${line}`),
    failures.length + errors.length === 0
      ? 'Nothing is wrong.'
      : `${failures.length} failures, ${errors.length} errors in the log`
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
