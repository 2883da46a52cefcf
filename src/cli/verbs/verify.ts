import type { Command } from 'commander'
import { type CliContext, withJson } from '../client/client-command.ts'
import { EXIT } from '../exit.ts'

interface VerifyOptions {
  readonly manifest?: string
  readonly json?: boolean
}

/** `fixdepot verify ARCHIVE`: without a server, wherever the archive has been carried. */
export function addVerify(program: Command, { exit }: CliContext): void {
  withJson(program.command('verify'))
    .description('check an archive, without a server')
    .argument('<archive>')
    .option('--manifest <file>', 'what it should hold; ARCHIVE.manifest.json is used by itself where it is there')
    .action(async (archive: string, options: VerifyOptions) => {
      const { runVerify } = await import('../run-verify.ts')
      exit((await runVerify(archive, options.manifest, options.json === true)) ? EXIT.ok : EXIT.failed)
    })
}
