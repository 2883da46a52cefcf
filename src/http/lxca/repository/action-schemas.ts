/** Requests and answers of `PUT /updateRepositories/firmware?action=…`. */
import { Type } from 'typebox'
import { OPERATION_SUCCEEDED } from '../../../core/problems/message.ts'
import { errorResponse, MessageView, messageView } from '../../bodies/result-body.ts'
import type { AccessByQuery } from '../../plugins/access.ts'
import { SAMPLE_FIXID, SAMPLE_PACK_FIXID } from '../../samples.ts'

/** Actions that need an upstream to download from. */
export const UPSTREAM_ACTIONS: ReadonlySet<string> = new Set(['refresh', 'refreshThenAcquire', 'acquire'])
const SUPPORTED_ACTIONS = ['export', 'read', 'delete', 'cleanup', 'refresh', 'refreshThenAcquire', 'acquire']
/** All other actions change the repository, or would change it if they were supported. */
export const ACTION_ACCESS: AccessByQuery = {
  otherwise: 'exporter',
  byQuery: {
    action: Object.fromEntries(
      SUPPORTED_ACTIONS.map((action) => [action, action === 'export' ? 'exporter' : 'operator'])
    )
  }
}
const MAX_FIXIDS = 50_000
const MAX_FIXID_LENGTH = 255

export const ActionQuery = Type.Object({
  action: Type.String({
    enum: SUPPORTED_ACTIONS,
    examples: ['export'],
    description:
      '`export` packs packages into an archive; `read` scans the repository directory again; `delete` deletes packages; ' +
      '`cleanup` deletes all files that no package needs. The others are refused: this server downloads nothing.'
  }),
  filetypes: Type.Optional(
    Type.String({
      enum: ['all', 'payloads'],
      examples: ['all'],
      description: '`all` files of a package, or only its `payloads`. Default `all`; required for a deletion.'
    })
  ),
  dryRun: Type.Optional(
    Type.String({
      enum: ['true', 'false'],
      examples: ['true'],
      description: 'For `delete` and `cleanup`: only show what would be deleted. Other actions ignore it.'
    })
  )
})

export const ActionBody = Type.Union(
  [
    Type.Object({
      fixids: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: MAX_FIXID_LENGTH }), {
          maxItems: MAX_FIXIDS,
          description:
            'The packages, by fixid. For an export with `filetypes=all`, an empty list or null means the whole repository. ' +
            'Required for a deletion.'
        })
      )
    }),
    Type.Null()
  ],
  { examples: [{ fixids: [SAMPLE_FIXID] }, { fixids: [SAMPLE_PACK_FIXID] }, { fixids: [] }] }
)

export const ActionResult = Type.Object(
  {
    result: Type.String({ description: '`success`: the task was accepted.' }),
    taskid: Type.Integer({ description: 'The id of the task, for the status call; 0 after a dry run.' }),
    jobid: Type.Integer({ description: 'The same number.' }),
    messages: Type.Array(MessageView),
    packages: Type.Optional(
      Type.Array(Type.String(), {
        description: 'The fixids of the deleted packages, with the members of system packs.'
      })
    ),
    files: Type.Optional(Type.Integer({ description: 'The number of deleted files.' })),
    size: Type.Optional(Type.Integer({ description: 'Bytes that the deletion frees.' }))
  },
  {
    title: 'Accepted',
    examples: [{ result: 'success', taskid: 2, jobid: 2, messages: [messageView(OPERATION_SUCCEEDED)] }]
  }
)

export const CONFLICT_RESPONSE = errorResponse(
  'There is not enough space for the archive, an export needs the package, or the action is not supported; see the message.'
)
