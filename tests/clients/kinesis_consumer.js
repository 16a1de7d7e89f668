// One worker of a group: it shares the stream's shards with the others by leases in DynamoDB, and prints what it reads.
const Kinesis = require('lifion-kinesis');

const endpoint = process.env.AWS_ENDPOINT_URL;
const silent = () => {};
const consumer = new Kinesis({
  streamName: process.argv[2],
  consumerGroup: 'readers',
  endpoint,
  region: process.env.AWS_REGION,
  dynamoDb: { endpoint, region: process.env.AWS_REGION },
  initialPositionInStream: 'TRIM_HORIZON',
  pollDelay: 200,
  leaseAcquisitionInterval: 2000,
  logger: { debug: silent, warn: silent, error: (...words) => console.error(...words) },
});
consumer.on('data', ({ records, shardId }) => {
  for (const { data, sequenceNumber } of records) console.log(JSON.stringify([shardId, sequenceNumber, data]));
});
consumer.startConsumer();
process.stdin.on('end', () => process.exit(0)).resume();
