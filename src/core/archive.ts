/** Finished archives, as those who download them see them. */
import type { OpenFile } from './open-file.ts'

/** The finished archives. */
export interface Archives {
  /** Undefined when no completed export made an archive of this name. @throws Problem ARCHIVE_GONE when it is not kept any more */
  open(name: string): Promise<OpenFile | undefined>
}
