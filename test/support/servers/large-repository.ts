import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { packageFiles } from '../packages.ts'
import { makeDirectories, type ServerOptions } from './server.ts'

/** Packing takes long enough for a test to interrupt it. The file is sparse, so it takes little space on the disk. */
export const LARGE_BYTES = 48 * 2 ** 20

/** The directories of a server whose only package is large. */
export function largeRepository(t: Test): ServerOptions {
  const directories = makeDirectories(t, packageFiles({ fixid: 'large', payload: '' }))
  const payload = path.join(directories.repositoryDirectory, 'large.uxz')
  fs.truncateSync(payload, LARGE_BYTES)
  const fd = fs.openSync(payload, 'r+')
  for (const offset of [0, LARGE_BYTES / 3, LARGE_BYTES - 100]) fs.writeSync(fd, `at ${offset}`, Math.floor(offset))
  fs.closeSync(fd)
  return directories
}
