import { detectorKind, elsewhere, found, noFields } from './detector.ts';

/** AWS Lambda, https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
export const lambda = detectorKind({
  name: 'lambda',
  attributes: {
    'aws.log.group.names': true,
    'aws.log.stream.names': true,
    'cloud.platform': true,
    'cloud.provider': true,
    'cloud.region': true,
    'faas.instance': true,
    'faas.max_memory': true,
    'faas.name': true,
    'faas.version': true,
  },
  fields: noFields,
  async detect({ surroundings: { env } }) {
    if (!env.AWS_LAMBDA_FUNCTION_NAME) return elsewhere('AWS_LAMBDA_FUNCTION_NAME is not set');
    const [group, stream] = [env.AWS_LAMBDA_LOG_GROUP_NAME, env.AWS_LAMBDA_LOG_STREAM_NAME];
    return found({
      'cloud.provider': 'aws',
      'cloud.platform': 'aws_lambda',
      'cloud.region': env.AWS_REGION,
      'faas.name': env.AWS_LAMBDA_FUNCTION_NAME,
      'faas.version': env.AWS_LAMBDA_FUNCTION_VERSION,
      'faas.instance': stream,
      // A text, as upstream has it.
      'faas.max_memory': env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      'aws.log.group.names': group === undefined ? undefined : [group],
      'aws.log.stream.names': stream === undefined ? undefined : [stream],
    });
  },
});
