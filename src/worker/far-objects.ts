/** The buckets that this thread reads from: one connection pool for each, as long as the thread lives. */
import type { BucketSettings } from '../core/bucket-settings.ts'
import { openRepositoryObjects, type RepositoryObjects } from '../s3/repository-objects.ts'

const opened = new Map<string, RepositoryObjects>()

export function farObjects(bucket: BucketSettings): RepositoryObjects {
  const key = JSON.stringify(bucket)
  const objects = opened.get(key) ?? openRepositoryObjects(bucket)
  opened.set(key, objects)
  return objects
}

/** Lets go of their connections: they would keep the thread. */
export function closeFarObjects(): void {
  for (const objects of opened.values()) objects.close()
  opened.clear()
}
