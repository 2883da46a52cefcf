/**
 * `fixdepot verify ARCHIVE`: checks an archive on this machine without a server, against its manifest if there is one.
 */
import fs from 'node:fs'
import type { Command } from 'commander'
import { Refusal } from '../../core/problems/refusal.ts'
import { CommandError, EXIT, interrupted, interruption } from '../terminal/exit.ts'
import { coloured, humanSize, print, printable, printJson } from '../terminal/output.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'
import { type CliContext, withJson } from './command.ts'

interface VerifyOptions {
  readonly manifest?: string
  readonly json?: boolean
}

export function addVerify(program: Command, { exit }: CliContext): void {
  withJson(program.command('verify'))
    .description('check an archive, without a server')
    .argument('<archive>')
    .option('--manifest <file>', 'the manifest of the archive (default: ARCHIVE.manifest.json, if it exists)')
    .action(async (archive: string, options: VerifyOptions) => {
      exit((await runVerify(archive, options)) ? EXIT.ok : EXIT.failed)
    })
}

/** @returns whether the archive is sound @throws CommandError when it or its manifest cannot be read */
async function runVerify(archive: string, { manifest, json = false }: VerifyOptions): Promise<boolean> {
  const signal = interruption()
  const manifestFile = manifest ?? defaultManifest(archive)
  try {
    const verification = await verify(archive, manifestFile, json, signal)
    const { files, bytes, differences, differenceCount } = verification
    const isSound = differenceCount === 0
    if (json) {
      const report = { files, bytes, findings: differences, findingCount: differenceCount }
      printJson({ archive, manifest: manifestFile ?? null, isSound, ...report })
    } else {
      for (const difference of differences) print(printable(difference))
      const more = differenceCount - differences.length
      if (more > 0) print(`And ${more} more differences.`)
      const against = manifestFile === undefined ? 'without a manifest' : `against ${manifestFile}`
      const verdict = isSound ? coloured('green', 'sound') : coloured('red', 'NOT SOUND')
      print(`${archive}: ${verdict}, ${files} files, ${humanSize(bytes)}, checked ${against}`)
    }
    return isSound
  } catch (error) {
    if (signal.aborted) throw interrupted()
    if (!(error instanceof Refusal)) throw error
    throw new CommandError(EXIT.failed, 'FILE_UNREADABLE', error.message)
  }
}

function defaultManifest(archive: string): string | undefined {
  const file = `${archive}.manifest.json`
  return fs.existsSync(file) ? file : undefined
}

async function verify(archive: string, manifestFile: string | undefined, isQuiet: boolean, signal: AbortSignal) {
  const [{ readManifest }, { verifyArchive }] = await Promise.all([
    import('../../admin/verify/manifest.ts'),
    import('../../admin/verify/verify-archive.ts')
  ])
  const bar = createProgressBar('Checking', { isQuiet })
  const manifest = manifestFile === undefined ? undefined : readManifest(manifestFile)
  const verification = await verifyArchive(archive, { manifest, onProgress: bar.update, signal })
  bar.end()
  return verification
}
