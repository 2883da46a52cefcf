/** A process that polls a task during other measurements. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Latency } from './latency.ts'
import type { FollowSettings } from './poll-task.ts'
import type { Server } from './server.ts'
import type { Workspace } from './workspace.ts'

export interface Follower {
  /** Sets the task to poll. */
  follow(taskId: number): void
  /** Latencies since the last lap. */
  lap(): Promise<Latency>
  stop(): Promise<void>
}

export function startFollower(workspace: Workspace, { url, authorization }: Server): Follower {
  const program = new URL('./poll-task.ts', import.meta.url).pathname
  const settings: FollowSettings = { url, authorization }
  const child = workspace.spawn(process.execPath, [program, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('Nobody can follow the status')
  const exited = once(child, 'exit')
  const lines = createInterface(stdout)
  return {
    follow: (taskId) => void stdin.write(`${taskId}\n`),
    async lap() {
      stdin.write('lap\n')
      const line = await Promise.race([once(lines, 'line'), exited.then(() => undefined)])
      if (line === undefined) throw new Error('Who follows the status has ended')
      return JSON.parse(line[0])
    },
    async stop() {
      stdin.end()
      await exited
    }
  }
}
