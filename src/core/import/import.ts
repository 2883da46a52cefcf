/** Imports: files that a caller sends, and the packages of the repository that they become. */
import type { Task } from '../tasks/task.ts'

/** A file that a caller is going to send. */
export interface AnnouncedFile {
  readonly name: string
  readonly size: number
}

export interface ImportAnnouncement {
  readonly files: readonly AnnouncedFile[]
  readonly requestedBy: string
}

/** A file that was received, complete and durable. */
export interface ReceivedFile {
  readonly name: string
  readonly size: number
  /** Unsigned. */
  readonly crc32: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** What is known of an upload before its first byte is read. */
export interface UploadRequest {
  /** Bytes that are going to come; undefined where the client does not say. */
  readonly size: number | undefined
  /** The job that the files are for. */
  readonly taskId: number | undefined
  readonly requestedBy: string
}

/** An upload that has ended well. */
export interface FinishedUpload {
  /** As `beginUpload` has named it. */
  readonly upload: string
  readonly files: readonly ReceivedFile[]
  readonly taskId: number | undefined
  /** Packages that are in the repository with other content give way. */
  readonly isReplacing: boolean
  readonly requestedBy: string
}

/** What an upload has become. */
export interface AcceptedImport {
  readonly task: Task
  /** Its job waits for more files. */
  readonly isWaiting: boolean
}

/** Accepts files from outside. */
export interface ImportCommands {
  /**
   * Reserves room for files that are going to come. The task waits for them, and fails when they have not come in time.
   * @throws Problem REPOSITORY_FULL
   */
  announceImport(announcement: ImportAnnouncement): Promise<Task>
  /**
   * Reserves room for an upload, and gives it the name under which its files are kept until it is finished.
   * @throws Problem REPOSITORY_FULL, or IMPORT_JOB_UNUSABLE when the job does not wait for files of this caller
   */
  beginUpload(request: UploadRequest): Promise<string>
  /**
   * Makes a task of what has come in, or adds it to the job it is for; the job begins when all its files are there.
   * @throws Problem IMPORT_JOB_UNUSABLE when the job has ended meanwhile, or was not to have these files
   */
  finishUpload(upload: FinishedUpload): Promise<AcceptedImport>
  /** Gives back the room of an upload that was not finished, and removes what has come in. */
  abandonUpload(upload: string): Promise<void>
}

/** Where the files of an upload are written, by the name that it was given. */
export type Uploads = (upload: string) => UploadSink

/** Where the files of one upload are written. */
export interface UploadSink {
  /**
   * Writes what comes to a file of this name.
   * @param content a piece is done with before three megabytes behind it have been taken
   * @throws the system's error, or what the content throws
   */
  receive(name: string, content: AsyncIterable<Buffer>): Promise<ReceivedFile>
}

/** One change of the repository that an import makes. */
export interface ImportChange {
  /** Relative to the repository, with `/`. */
  readonly path: string
  /** The file that comes there, relative to where the import keeps its files; undefined: the file there goes. */
  readonly staged: string | undefined
}

/** A .zip from outside that is not unpacked. The message has the reason, and names the entry. */
export class ZipRefused extends Error {
  override readonly name = 'ZipRefused'
}
