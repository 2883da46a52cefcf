/** Archives of tests, on the disk or, with TEST_ARCHIVES=s3, in S3; and a view of them that is the same for both. */
import type { Test } from 'tap'
import type { BucketSettings } from '../../src/core/storage/storage-config.ts'
import { openArchiveStorage } from '../../src/storage/open-archive-storage.ts'
import { makeBucket, type TestBucket } from './servers/s3-server.ts'

const ARE_IN_S3 = process.env.TEST_ARCHIVES === 's3'

/** For a test that reads the directory of archives, or injects faults of its disk. */
export const ONLY_DISK = { skip: ARE_IN_S3 ? 'tests archives on a disk' : false }

/** A bucket for this test only; undefined when archives are on the disk. */
export async function bucketFor(t: Test): Promise<TestBucket | undefined> {
  return ARE_IN_S3 ? makeBucket(t) : undefined
}

export interface ArchivesLocation {
  readonly archivesDirectory: string
  readonly archivesBucket?: BucketSettings | undefined
}

/** The archives of a depot, with the names that the server gives. */
export interface ArchiveView {
  /** Sorted. */
  finished(): Promise<string[]>
  /** Parts of archives, and uploads. */
  unfinished(): Promise<string[]>
  read(name: string): Promise<Buffer>
  remove(name: string): Promise<void>
}

export function viewArchives(t: Test, location: ArchivesLocation): ArchiveView {
  const storage = openArchiveStorage(location)
  t.teardown(() => storage.close())
  async function names(isFinished: boolean): Promise<string[]> {
    const files = await storage.ownFiles().catch((error) => {
      // The directory does not exist before the first start of a server.
      if (error.code === 'ENOENT') return []
      throw error
    })
    return files
      .filter(({ token }) => (token === undefined) === isFinished)
      .map(({ fileName }) => fileName)
      .sort()
  }
  return {
    finished: () => names(true),
    unfinished: () => names(false),
    async read(name) {
      const opened = await storage.open(name, '')
      if (opened === undefined) throw new Error(`There is no archive ${name}`)
      const bytes = Buffer.alloc(opened.size)
      for (let at = 0; at < bytes.length; ) at += await opened.readInto(bytes.subarray(at), at)
      await opened.close()
      return bytes
    },
    remove: (name) => storage.remove(name)
  }
}
