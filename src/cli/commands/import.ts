import type { Command } from 'commander'
import type { TaskStatus } from '../client/api-types.ts'
import { print, printable, printJson } from '../terminal/output.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'
import { type CliContext, type ClientOptions, withConnection, withServer } from './command.ts'

interface ImportOptions extends ClientOptions {
  readonly replace?: boolean
}

/** `fixdepot import FILE…`: all files are one import, which succeeds or fails as a whole. */
export function addImport(program: Command, { environment }: CliContext): void {
  const command = program
    .command('import')
    .description('upload files of packages, or archives of another depot, and wait until they are in the catalog')
    .argument('<file...>')
    .option('--replace', 'replace packages with other content in the repository')
  withConnection(command).action((files: string[], options: ImportOptions) =>
    withServer(options, environment, async ({ client, signal }) => {
      const [{ prepareUpload }, { checkTask, followTask }] = await Promise.all([
        import('../client/upload.ts'),
        import('../client/follow.ts')
      ])
      const isQuiet = options.json === true
      const sending = createProgressBar('Sending', { isQuiet })
      const { headers, write } = prepareUpload(files, sending.update)
      const path = `/files/updateRepositories/firmware/import${options.replace ? '?replace=true' : ''}`
      const accepted = await client.json<TaskStatus & { jobid: number }>({ method: 'POST', path, headers, write })
      sending.end()
      const { jobid: id } = accepted
      const importing = createProgressBar('Importing', { isQuiet })
      const status =
        accepted.progress === 100
          ? checkTask(id, accepted)
          : await followTask(client, id, { signal, onProgress: importing.update })
      const { message, total: packages } = status
      if (options.json) printJson({ taskId: id, packages, message })
      else print(printable(message))
    })
  )
}
