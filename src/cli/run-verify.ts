/** Checks an archive that lies on this machine, against its manifest where there is one. */
import fs from 'node:fs'
import { Refusal } from '../admin/refusal.ts'
import { readManifest } from '../admin/verify/manifest.ts'
import { verifyArchive } from '../admin/verify/verify-archive.ts'
import { CommandError, EXIT, interrupted } from './exit.ts'
import { interruption } from './interruption.ts'
import { coloured, humanSize, print, printable, printJson } from './output/output.ts'
import { createProgressBar } from './output/progress-bar.ts'

/** @returns whether nothing is wrong with it @throws CommandError when it or the manifest cannot be read */
export async function runVerify(archive: string, manifestFile: string | undefined, isJson: boolean): Promise<boolean> {
  const signal = interruption()
  const beside = `${archive}.manifest.json`
  const file = manifestFile ?? (fs.existsSync(beside) ? beside : undefined)
  const bar = createProgressBar('Checking', { isQuiet: isJson })
  const refuse = (error: unknown): never => {
    if (signal.aborted) throw interrupted()
    if (!(error instanceof Refusal)) throw error
    throw new CommandError(EXIT.failed, 'FILE_UNREADABLE', error.message)
  }
  try {
    const manifest = file === undefined ? undefined : readManifest(file)
    const verification = await verifyArchive(archive, { manifest, onProgress: bar.update, signal })
    bar.end()
    const isSound = verification.findingCount === 0
    if (isJson) printJson({ archive, manifest: file ?? null, isSound, ...verification })
    else {
      for (const difference of verification.findings) print(printable(difference))
      const more = verification.findingCount - verification.findings.length
      if (more > 0) print(`And ${more} more findings.`)
      const { files, bytes } = verification
      const against = file === undefined ? 'by itself only, since there is no manifest' : `against ${file}`
      const verdict = isSound ? coloured('green', 'sound') : coloured('red', 'NOT SOUND')
      print(`${archive}: ${verdict}, ${files} files, ${humanSize(bytes)}, checked ${against}`)
    }
    return isSound
  } catch (error) {
    return refuse(error)
  }
}
