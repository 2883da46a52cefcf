/**
 * Downloads an archive to the disk, and resumes an interrupted download. `FILE.part` has the bytes so far;
 * `FILE.part.json` identifies the archive, so that a part of another archive is never continued.
 */
import { createHash, type Hash } from 'node:crypto'
import { constants, createReadStream, promises as fs, statfsSync } from 'node:fs'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import path from 'node:path'
import { reasonOf } from '../../core/problems/system-error.ts'
import { CommandError, EXIT, interrupted } from '../terminal/exit.ts'
import type { ApiClient } from './api-client.ts'
import { Unreachable } from './api-error.ts'

export interface DownloadRequest {
  /** Of the archive at the server. */
  readonly path: string
  /** The strong validator of the archive, with its quotes. */
  readonly etag: string
  /** Bytes of the archive. */
  readonly size: number
  /** The final file; `.part` is appended until the download is complete. */
  readonly file: string
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number) => void
}

export interface Downloaded {
  /** The complete part; `publish` renames it to the final file. */
  readonly part: string
  /** Of the whole archive, lower-case hex. */
  readonly sha256: string
  /** Bytes from an earlier attempt. */
  readonly resumedFrom: number
}

const partOf = (file: string) => `${file}.part`
const noteOf = (file: string) => `${file}.part.json`

/** @throws CommandError; the part stays for the next attempt */
export async function download(client: ApiClient, request: DownloadRequest): Promise<Downloaded> {
  const { file, size, etag, signal, onProgress } = request
  const part = partOf(file)
  const resumedFrom = await onDisk(file, () => prepare(file, etag, size))
  checkSpace(file, size - resumedFrom)
  const handle = await onDisk(file, () => fs.open(part, constants.O_RDWR | constants.O_CREAT, 0o640))
  try {
    const hash = createHash('sha256')
    await onDisk(file, () => addFile(hash, part, resumedFrom))
    let position = resumedFrom
    onProgress(position, size)
    while (position < size) {
      const before = position
      // Each attempt that received bytes restarts the time limit.
      await client.retryWithin(async () => {
        const response = await openAt(client, request, position)
        try {
          for await (const chunk of response as AsyncIterable<Buffer>) {
            await onDisk(file, () => writeAll(handle, chunk, position))
            hash.update(chunk)
            position += chunk.length
            onProgress(position, size)
          }
        } catch (error) {
          if (error instanceof CommandError || signal.aborted) throw error
          if (position === before) throw cut(client, error)
        }
      })
    }
    await onDisk(file, () => handle.sync())
    return { part, sha256: hash.digest('hex'), resumedFrom }
  } catch (error) {
    throw signal.aborted ? stopped(part) : error
  } finally {
    await handle.close()
  }
}

/** Renames a complete part to the final file. @throws CommandError when that exists and must not be replaced */
export async function publish(file: string, isReplacing: boolean): Promise<void> {
  await onDisk(file, async () => {
    if (!isReplacing) await refuseExisting(file)
    await fs.rename(partOf(file), file)
    await fs.rm(noteOf(file), { force: true })
  })
}

/** Removes a damaged part. */
export async function discard(file: string): Promise<void> {
  await fs.rm(partOf(file), { force: true })
  await fs.rm(noteOf(file), { force: true })
}

/** @throws CommandError */
export async function refuseExisting(file: string): Promise<void> {
  const exists = await fs.lstat(file).then(
    () => true,
    () => false
  )
  if (exists) {
    throw new CommandError(
      EXIT.failed,
      'FILE_EXISTS',
      `${file} already exists.`,
      'Choose another --output, or give --force.'
    )
  }
}

/** Removes the part of another archive. @returns the bytes of this archive that exist */
async function prepare(file: string, etag: string, size: number): Promise<number> {
  const known = await fs.readFile(noteOf(file), 'utf8').then(parseNote, () => undefined)
  const existing = await fs.stat(partOf(file)).then(
    (stat) => stat.size,
    () => 0
  )
  if (known === etag && existing <= size) return existing
  await fs.rm(partOf(file), { force: true })
  await fs.writeFile(noteOf(file), `${JSON.stringify({ etag, size })}\n`, { mode: 0o640 })
  return 0
}

function parseNote(text: string): unknown {
  try {
    return Object(JSON.parse(text)).etag
  } catch {
    return undefined
  }
}

async function addFile(hash: Hash, file: string, size: number): Promise<void> {
  if (size === 0) return
  for await (const chunk of createReadStream(file, { end: size - 1, highWaterMark: 1024 * 1024 })) hash.update(chunk)
}

/**
 * Requests the rest of the archive from the server, or from the storage to which it redirects. `If-Range` is not used,
 * because the storage has other ETags: the ETag of the server's response is compared here.
 * @throws CommandError when the server has another archive now
 */
async function openAt(
  client: ApiClient,
  { path, etag, size }: DownloadRequest,
  position: number
): Promise<IncomingMessage> {
  const headers = position === 0 ? {} : { range: `bytes=${position}-` }
  const answer = await client.open({ path, headers, accept: [302, 416] })
  const isIt = answer.headers.etag === etag
  const response = isIt && answer.statusCode === 302 ? await follow(client, answer, headers) : answer
  const length = Number(response.headers['content-length'])
  if (isIt && length === size - position && response.statusCode === (position === 0 ? 200 : 206)) return response
  response.destroy()
  throw new CommandError(
    EXIT.failed,
    'ARCHIVE_CHANGED',
    'The archive at the server has changed since the download started.',
    'Start a new export.'
  )
}

function follow(client: ApiClient, answer: IncomingMessage, headers: OutgoingHttpHeaders): Promise<IncomingMessage> {
  // The unread body would block the connection for the next request.
  answer.resume()
  return client.openLink(answer.headers.location ?? '', headers)
}

function cut(client: ApiClient, cause: unknown): Unreachable {
  const sentence = `The download from ${client.url} was interrupted: ${reasonOf(cause)}.`
  return new Unreachable('DOWNLOAD_CUT', sentence, 'Run the same command again to resume it.', true, {
    cause
  })
}

function stopped(part: string): CommandError {
  return interrupted(`Interrupted. The bytes so far are in ${part}; the same command resumes the download.`)
}

/** Called before the first byte, so that a download does not fail after an hour. */
function checkSpace(file: string, needed: number): void {
  const { bavail, bsize } = statfsSync(path.dirname(path.resolve(file)))
  if (bavail * bsize >= needed) return
  const sentence = `There is not enough space for ${file}: ${needed} bytes are needed, but ${bavail * bsize} are free.`
  throw new CommandError(EXIT.failed, 'NO_SPACE', sentence)
}

/** One call of the system may write only a part of the chunk. */
async function writeAll(handle: fs.FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten
  }
}

async function onDisk<Result>(file: string, step: () => Promise<Result>): Promise<Result> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof CommandError) throw error
    const sentence = `${file} cannot be written: ${reasonOf(error)}.`
    throw new CommandError(EXIT.failed, 'FILE_UNWRITABLE', sentence, '', { cause: error })
  }
}
