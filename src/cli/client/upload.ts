/** The body of an import (multipart/form-data). The files are read from the disk while they are sent. */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import type { ClientRequest, OutgoingHttpHeaders } from 'node:http'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from '../../core/problems/system-error.ts'
import { CommandError, EXIT } from '../terminal/exit.ts'

export interface Upload {
  readonly headers: OutgoingHttpHeaders
  /** Bytes of the whole body. */
  readonly size: number
  write(request: ClientRequest): Promise<void>
}

const READ_BYTES = 1024 * 1024

/**
 * @param onProgress gets the bytes that were passed to the system
 * @throws CommandError for a file that cannot be read
 */
export function prepareUpload(files: readonly string[], onProgress: (done: number, total: number) => void): Upload {
  const boundary = `fixdepot-${randomBytes(18).toString('base64url')}`
  const parts = files.map((file) => ({ file, size: sizeOf(file), head: headOf(boundary, file) }))
  const end = Buffer.from(`--${boundary}--\r\n`)
  const size = parts.reduce((sum, part) => sum + part.head.length + part.size + 2, end.length)

  async function* body(): AsyncGenerator<Buffer> {
    for (const part of parts) {
      yield part.head
      yield* contentOf(part.file, part.size)
      yield Buffer.from('\r\n')
    }
    yield end
  }

  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': size },
    size,
    async write(request) {
      let isAnswered = false
      request.once('response', () => {
        isAnswered = true
      })
      let done = 0
      const counted = async function* () {
        for await (const chunk of body()) {
          // After a response, the server reads no more of the body.
          if (isAnswered) return
          yield chunk
          done += chunk.length
          onProgress(done, size)
        }
      }
      try {
        await pipeline(counted, request)
      } catch (error) {
        // The request reports an error of the connection itself.
        if (error instanceof CommandError) throw error
      }
    }
  }
}

function headOf(boundary: string, file: string): Buffer {
  // Escaped as browsers do.
  const name = path.basename(file).replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  return Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`
  )
}

function sizeOf(file: string): number {
  const stat = attempt(file, () => fs.statSync(file))
  if (!stat.isFile()) throw new CommandError(EXIT.failed, 'FILE_UNREADABLE', `${file} is not a file.`)
  return stat.size
}

/** Exactly `size` bytes: the header with the length of the body was already sent. */
async function* contentOf(file: string, size: number): AsyncGenerator<Buffer> {
  if (size === 0) return
  let left = size
  try {
    for await (const chunk of fs.createReadStream(file, { end: size - 1, highWaterMark: READ_BYTES })) {
      left -= chunk.length
      yield chunk
    }
  } catch (error) {
    throw unreadable(file, error)
  }
  if (left > 0) throw new CommandError(EXIT.failed, 'FILE_CHANGED', `${file} became shorter while it was sent.`)
}

function attempt<Result>(file: string, step: () => Result): Result {
  try {
    return step()
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(file: string, cause: unknown): CommandError {
  return new CommandError(EXIT.failed, 'FILE_UNREADABLE', `${file} cannot be read: ${reasonOf(cause)}.`, '', { cause })
}
