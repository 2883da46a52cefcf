/** Running uploads, and the space that they and open imports reserve on the volume of the repository. */
import type { Kysely } from 'kysely'
import type { Schema } from '../engine/schema.ts'

/** @param db the connection or a transaction */
export function createUploads(db: Kysely<Schema>) {
  return {
    /** Records a running upload. @param bytes that it needs in addition to the reservation of its job */
    async beginUpload(directory: string, owner: string, bytes: number): Promise<void> {
      await db.insertInto('upload').values({ directory, owner, bytes }).execute()
    },

    async endUpload(directory: string): Promise<void> {
      await db.deleteFrom('upload').where('directory', '=', directory).execute()
    },

    /** Deletes all uploads: the servers that received them have ended. */
    async endUploads(): Promise<void> {
      await db.deleteFrom('upload').execute()
    },

    /** Bytes that running uploads need in addition to the reserved ones. */
    async uploadingBytes(): Promise<number> {
      const row = await db
        .selectFrom('upload')
        .select((eb) => eb.fn.sum<number | null>('bytes').as('bytes'))
        .executeTakeFirstOrThrow()
      return row.bytes ?? 0
    },

    /** Bytes of the files that open imports wait for. */
    async reservedBytes(now: Date): Promise<number> {
      const row = await db
        .selectFrom('import_file')
        .innerJoin('import_job', 'import_job.job_id', 'import_file.job_id')
        .innerJoin('job', 'job.id', 'import_job.job_id')
        .select((eb) => eb.fn.sum<number | null>('announced_size').as('bytes'))
        .where('job.state', '=', 'open')
        .where('import_job.expires_at', '>', now.getTime())
        .where('import_file.size', 'is', null)
        .executeTakeFirstOrThrow()
      return row.bytes ?? 0
    }
  }
}
