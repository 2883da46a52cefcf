/** An export from end to end: request, packing, download, check, and only then the rename to the final file. */
import fs from 'node:fs'
import path from 'node:path'
import { checkManifest, type Manifest } from '../../admin/verify/manifest.ts'
import type { ExportState } from '../client/api-types.ts'
import { discard, download, publish, refuseExisting } from '../client/download.ts'
import { followExport } from '../client/follow.ts'
import { CommandError, EXIT, interrupted, refuseUsage } from '../terminal/exit.ts'
import { humanSize, log, print, printable, printJson } from '../terminal/output.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'
import type { Session } from './command.ts'
import { type ExportOptions, selectionBody } from './export-selection.ts'
import { showPreflight } from './show-preflight.ts'

/** @returns the exit code */
export async function runExport(session: Session, fixids: readonly string[], options: ExportOptions): Promise<number> {
  const body = selectionBody(fixids, options)
  if (options.dryRun) return showPreflight(session.client, body, options)
  const isQuiet = options.json === true
  // Checked first, so that the server does not pack an archive that cannot be stored.
  if (!options.force && !isDirectory(options.output)) await refuseExisting(options.output)
  const started = await start(session, body, options)
  const { id } = started
  const target = targetOf(options.output, started.archiveName)
  if (!options.force) await refuseExisting(target)

  const packing = createProgressBar('Packing', { isQuiet })
  const ended = await followExport(session.client, id, { signal: session.signal, onProgress: packing.update }).catch(
    (error) => {
      throw session.signal.aborted ? detached(id) : error
    }
  )
  packing.end()
  if (!isQuiet) for (const note of notesOf(ended)) log(note)

  const manifest = await readManifest(session, id)
  const downloading = createProgressBar('Downloading', { isQuiet })
  const { part, sha256, resumedFrom } = await download(session.client, {
    path: `/api/v1/exports/${id}/archive`,
    etag: `"${manifest.digest}"`,
    size: manifest.archiveSize,
    file: target,
    signal: session.signal,
    onProgress: downloading.update
  })
  downloading.end()
  if (options.verify) await check(part, target, manifest, session.signal, isQuiet)
  await publish(target, options.force === true)
  if (options.manifest) fs.writeFileSync(`${target}.manifest.json`, `${JSON.stringify(manifest)}\n`)

  const { archiveSize: bytes, digest, files } = manifest
  const facts = {
    exportId: id,
    file: target,
    bytes,
    files: files.length,
    digest,
    sha256,
    resumedFrom,
    isVerified: options.verify
  }
  if (options.json) printJson({ ...facts, notes: notesOf(ended) })
  else {
    print(
      `${target}  ${humanSize(bytes)}, ${files.length} files, ${options.verify ? 'every byte checked' : 'not checked'}`
    )
    print(`SHA-256  ${sha256}`)
  }
  return EXIT.ok
}

function start({ client }: Session, body: object, { id }: ExportOptions): Promise<ExportState> {
  return id === undefined
    ? client.json({ method: 'POST', path: '/api/v1/exports', json: body })
    : client.json({ path: `/api/v1/exports/${id}` })
}

/** @param output a file, or a directory for a file with the archive's own name */
function targetOf(output: string, archiveName: string): string {
  // The name comes from the network and must not select a directory.
  return isDirectory(output) ? path.join(output, path.basename(archiveName)) : output
}

function isDirectory(output: string): boolean {
  const isOne = fs.statSync(output, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isOne && /[/\\]$/.test(output)) refuseUsage(`There is no directory ${output}.`)
  return isOne
}

async function readManifest({ client, signal }: Session, id: number): Promise<Manifest> {
  const manifest = await client.retryWithin(() => client.json({ path: `/api/v1/exports/${id}/manifest` }))
  if (signal.aborted) throw detached(id)
  try {
    return checkManifest(manifest)
  } catch (cause) {
    throw new CommandError(EXIT.failed, 'MANIFEST_INVALID', `The manifest of the export ${id} cannot be used.`, '', {
      cause
    })
  }
}

/** Removes the part when it is damaged. @throws CommandError in this case, and when the signal is aborted */
async function check(
  part: string,
  target: string,
  manifest: Manifest,
  signal: AbortSignal,
  isQuiet: boolean
): Promise<void> {
  const { verifyArchive } = await import('../../admin/verify/verify-archive.ts')
  const checking = createProgressBar('Checking', { isQuiet })
  const { differences, differenceCount } = await verifyArchive(part, {
    manifest,
    signal,
    onProgress: checking.update
  }).catch((error) => {
    throw signal.aborted
      ? interrupted(`Interrupted. The archive is in ${part}; the same command checks it again.`)
      : error
  })
  checking.end()
  if (differenceCount === 0) return
  await discard(target)
  const [first = ''] = differences
  throw new CommandError(
    EXIT.failed,
    'ARCHIVE_DAMAGED',
    `The downloaded archive is damaged, and was removed: ${printable(first)}`,
    'Run the command again.'
  )
}

/** Messages about files that are missing in the repository. */
function notesOf({ messages }: ExportState): string[] {
  const isNote = ({ messageId }: { messageId: string }) => /^FQXHMUP91\d\dF$/.test(messageId)
  return messages.filter(isNote).map(({ text }) => printable(text))
}

/** The server continues the export: other clients may wait for the same archive, and the download can be resumed. */
function detached(id: number): CommandError {
  return interrupted(`Interrupted. The server continues the export ${id}; to download it: fixdepot export --id ${id}`)
}
