import type { Command } from 'commander'
import { print, printJson } from '../terminal/output.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'
import { type CliContext, type ClientOptions, withConnection, withServer } from './command.ts'

/** `fixdepot scan`: reads the repository again. */
export function addScan(program: Command, { environment }: CliContext): void {
  withConnection(
    program.command('scan').description('read the repository directory again, and wait for the end')
  ).action((options: ClientOptions) =>
    withServer(options, environment, async ({ client, signal }) => {
      const path = '/updateRepositories/firmware?action=read'
      const { taskid } = await client.json<{ taskid: number }>({ method: 'PUT', path, json: {} })
      const { followTask } = await import('../client/follow.ts')
      const bar = createProgressBar('Reading', { isQuiet: options.json === true })
      const status = await followTask(client, taskid, { signal, onProgress: bar.update })
      bar.end()
      const { totalsize: bytesRead, message } = status
      if (options.json) printJson({ taskId: taskid, bytesRead, message })
      else print('The repository was read.')
    })
  )
}
