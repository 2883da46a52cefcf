/** How long a client waits for the status of its export, while the server packs as fast as it can. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Bench, target } from './bench.ts'
import type { Latency, PollResult, PollSettings } from './poll-status.ts'
import { runProgram } from './run-process.ts'
import { startServer } from './server.ts'
import type { Workspace } from './workspace.ts'

const POLLS_PER_SECOND = 100
const LIMIT_MS = 25

export const benchStatus: Bench = async (context) => {
  const { workspace, isQuick } = context
  const server = await startServer(workspace, context.corpus('payloads').directory)
  const bare = await startBareServer(workspace)
  await server.waitUntilIdle()
  const { url, authorization, archivesDirectory } = server
  const taskId = await server.requestExport()
  await server.waitForTask(taskId)
  const poll = (seconds: number, more: Partial<PollSettings> = {}) => {
    const asked = { url, bareUrl: bare.url, authorization, taskId, pollsPerSecond: POLLS_PER_SECOND, seconds }
    const settings: PollSettings = { ...asked, ...more }
    return runProgram<PollResult>(workspace, './poll-status.ts', [JSON.stringify(settings)])
  }
  const idle = await poll(isQuick ? 3 : 10)
  const busy = await poll(isQuick ? 5 : 30, { archivesDirectory })
  bare.stop()
  await server.stop()
  return {
    tables: [
      {
        title: `Status at ${POLLS_PER_SECOND} polls a second`,
        head: ['', 'polls', 'exports', 'p50 ms', 'p99 ms', 'max ms'],
        rows: [
          row('fixdepot, idle', idle, idle.status),
          row('bare server, at the same time', idle, idle.bare),
          row('fixdepot, packs one archive after the other', busy, busy.status),
          row('bare server, at the same time', busy, busy.bare),
          row(`fixdepot, in ${busy.calmSeconds} seconds without a stall of the machine`, busy, busy.calmStatus)
        ],
        notes: [
          `GET …/status?taskid=…, basic authentication, connections kept; a process of its own asks on a fixed schedule, and ` +
            'the time counts from the moment that a poll was due.',
          'Bare server: a process with `node:http` and nothing else, polled between the polls of ours. Where that ' +
            'takes more than 25 ms, the machine stalls for everybody; such seconds are shown, and not judged.'
        ]
      }
    ],
    targets: [
      target(
        `p99 of the status is at most ${LIMIT_MS} ms while an export runs, in the ${busy.calmSeconds} seconds in which the machine ran`,
        busy.calmStatus.p99,
        { atMost: LIMIT_MS }
      )
    ]
  }
}

/** A server that is polled beside ours, and shows what the machine does to any server at that time. */
async function startBareServer(workspace: Workspace): Promise<{ readonly url: string; stop(): void }> {
  const program = new URL('./bare-server.ts', import.meta.url).pathname
  const child = workspace.spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new Error('The bare server has no output')
  const [url] = await once(createInterface(child.stdout), 'line')
  return { url, stop: () => void child.kill('SIGTERM') }
}

function row(name: string, { polls, exports }: PollResult, { p50, p99, max }: Latency): string[] {
  return [name, String(polls), String(exports), ...[p50, p99, max].map((value) => value.toFixed(1))]
}
