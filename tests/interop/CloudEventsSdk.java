import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.core.message.Encoding;
import io.cloudevents.jackson.JsonFormat;
import io.cloudevents.kafka.CloudEventDeserializer;
import io.cloudevents.kafka.CloudEventSerializer;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * CloudEvents' own SDK for Java with its serializers for Kafka.
 *
 * write BOOTSTRAP TOPIC: a record for each line of standard input.
 * read BOOTSTRAP TOPIC COUNT: a line for each record, as the SDK reads it.
 */
public class CloudEventsSdk {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("write")) {
            write(arguments[1], arguments[2]);
        } else {
            read(arguments[1], arguments[2], Integer.parseInt(arguments[3]));
        }
    }

    private static void write(String bootstrap, String topic) throws Exception {
        try (KafkaProducer<byte[], CloudEvent> structured = producer(bootstrap, Encoding.STRUCTURED);
                KafkaProducer<byte[], CloudEvent> binary = producer(bootstrap, Encoding.BINARY);
                KafkaProducer<byte[], byte[]> plain = new KafkaProducer<>(
                        Map.of("bootstrap.servers", bootstrap), new ByteArraySerializer(), new ByteArraySerializer())) {
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode given = JSON.readTree(line);
                JsonNode events = given.get("events");
                switch (given.get("mode").asText()) {
                    case "structured":
                        structured.send(new ProducerRecord<>(topic, made(events.get(0)))).get();
                        break;
                    case "binary":
                        binary.send(new ProducerRecord<>(topic, made(events.get(0)))).get();
                        break;
                    default:
                        plain.send(batch(topic, events)).get();
                }
            }
        }
    }

    private static KafkaProducer<byte[], CloudEvent> producer(String bootstrap, Encoding encoding) {
        Map<String, Object> configuration = new HashMap<>();
        configuration.put(CloudEventSerializer.ENCODING_CONFIG, encoding);
        if (encoding == Encoding.STRUCTURED) {
            configuration.put(CloudEventSerializer.EVENT_FORMAT_CONFIG, JsonFormat.CONTENT_TYPE);
        }
        CloudEventSerializer serializer = new CloudEventSerializer();
        serializer.configure(configuration, false);
        return new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap), new ByteArraySerializer(), serializer);
    }

    /** The SDK has no batch: an array of its events, each as its JSON format writes it. */
    private static ProducerRecord<byte[], byte[]> batch(String topic, JsonNode events) throws Exception {
        ByteArrayOutputStream value = new ByteArrayOutputStream();
        value.write('[');
        for (int at = 0; at < events.size(); at++) {
            if (at > 0) {
                value.write(',');
            }
            value.write(new JsonFormat().serialize(made(events.get(at))));
        }
        value.write(']');
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, value.toByteArray());
        record.headers().add("content-type", "application/cloudevents-batch+json".getBytes(StandardCharsets.UTF_8));
        return record;
    }

    private static CloudEvent made(JsonNode given) throws Exception {
        CloudEventBuilder builder = CloudEventBuilder.v1();
        for (Map.Entry<String, JsonNode> each : given.get("attributes").properties()) {
            JsonNode value = each.getValue();
            switch (each.getKey()) {
                case "specversion":
                    break;
                case "id":
                    builder.withId(value.asText());
                    break;
                case "source":
                    builder.withSource(URI.create(value.asText()));
                    break;
                case "type":
                    builder.withType(value.asText());
                    break;
                case "subject":
                    builder.withSubject(value.asText());
                    break;
                case "time":
                    builder.withTime(OffsetDateTime.parse(value.asText()));
                    break;
                case "dataschema":
                    builder.withDataSchema(URI.create(value.asText()));
                    break;
                case "datacontenttype":
                    builder.withDataContentType(value.asText());
                    break;
                default:
                    if (value.isInt()) {
                        builder.withExtension(each.getKey(), value.asInt());
                    } else if (value.isBoolean()) {
                        builder.withExtension(each.getKey(), value.asBoolean());
                    } else {
                        builder.withExtension(each.getKey(), value.asText());
                    }
            }
        }
        if (!given.get("content").isNull()) {
            builder.withData(given.get("content").binaryValue());
        }
        return builder.build();
    }

    private static void read(String bootstrap, String topic, int count) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], CloudEvent> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrap), new ByteArrayDeserializer(), new CloudEventDeserializer())) {
            consumer.assign(Collections.singleton(partition));
            consumer.seekToBeginning(Collections.singleton(partition));
            int found = 0;
            while (found < count) {
                for (ConsumerRecord<byte[], CloudEvent> record : consumer.poll(Duration.ofSeconds(1))) {
                    out.println(JSON.writeValueAsString(reported(record.value())));
                    found++;
                }
            }
        }
    }

    private static ObjectNode reported(CloudEvent event) {
        ObjectNode reported = JSON.createObjectNode();
        ObjectNode attributes = reported.putObject("attributes");
        for (String name : event.getAttributeNames()) {
            attributes.put(name, String.valueOf(event.getAttribute(name)));
        }
        for (String name : event.getExtensionNames()) {
            attributes.put(name, String.valueOf(event.getExtension(name)));
        }
        reported.put("content", event.getData() == null ? null : event.getData().toBytes());
        return reported;
    }
}
