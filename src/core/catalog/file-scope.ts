/** `all`: payload, metadata, readme, change history and the rest. `payloads`: the payload files only. */
export type FileScope = 'all' | 'payloads'
