/** How long a client waits for the status of its export, while the server packs as fast as it can. */
import { type Bench, inMegabytes, target } from './bench.ts'
import { watchMemory } from './memory.ts'
import type { PollResult, PollSettings } from './poll-status.ts'
import { runProgram } from './run-process.ts'
import { startServer } from './server.ts'

const POLLS_PER_SECOND = 100

export const benchStatus: Bench = async (context) => {
  const { workspace, isQuick } = context
  const server = await startServer(workspace, context.corpus('payloads').directory)
  const memory = watchMemory(server.pid)
  await server.waitUntilIdle()
  const { url, authorization, archivesDirectory } = server
  const taskId = await server.requestExport()
  await server.waitForTask(taskId)
  const poll = (seconds: number, more: Partial<PollSettings> = {}) => {
    const settings: PollSettings = { url, authorization, taskId, pollsPerSecond: POLLS_PER_SECOND, seconds, ...more }
    return runProgram<PollResult>(workspace, './poll-status.ts', [JSON.stringify(settings)])
  }
  const idle = await poll(isQuick ? 3 : 10)
  const busy = await poll(isQuick ? 5 : 30, { archivesDirectory })
  const serverPeakBytes = memory.peakBytes
  memory.stop()
  await server.stop()
  return {
    tables: [
      {
        title: `Status at ${POLLS_PER_SECOND} polls a second`,
        head: ['the server', 'polls', 'exports', 'p50 ms', 'p99 ms', 'max ms'],
        rows: [row('is idle', idle), row('packs one archive after the other', busy)],
        notes: [
          `GET …/status?taskid=…, basic authentication, connections kept; a process of its own asks on a fixed schedule, and ` +
            'the time counts from the moment that a poll was due.',
          `The server's peak RSS was ${inMegabytes(serverPeakBytes)} MB.`
        ]
      }
    ],
    targets: [target('p99 of the status is at most 25 ms while an export runs', busy.p99, { atMost: 25 })]
  }
}

function row(name: string, { polls, exports, p50, p99, max }: PollResult): string[] {
  return [name, String(polls), String(exports), ...[p50, p99, max].map((value) => value.toFixed(1))]
}
