import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.TimestampProto;
import com.google.protobuf.util.JsonFormat;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaSerializer;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaSerializer;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Scanner;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;

/** Publishes, in order, what each line of its input says, by Apicurio's serializers. */
public class BySchema {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Map<String, Serializer<Object>> SERIALIZERS = new HashMap<>();
    static String registry;

    public static void main(String[] arguments) throws Exception {
        registry = arguments[1];
        Map<String, Object> settings = Map.of("bootstrap.servers", arguments[0]);
        ByteArraySerializer bytes = new ByteArraySerializer();
        try (var producer = new KafkaProducer<byte[], byte[]>(settings, bytes, bytes)) {
            Scanner lines = new Scanner(System.in, "UTF-8");
            while (lines.hasNextLine()) {
                JsonNode line = JSON.readTree(lines.nextLine());
                String topic = line.get("topic").asText();
                var record = new ProducerRecord<byte[], byte[]>(topic, 0, null, null);
                byte[] key = serialized(topic, record, line.get("key"), true);
                byte[] value = serialized(topic, record, line.get("value"), false);
                producer.send(new ProducerRecord<>(topic, 0, key, value, record.headers())).get();
            }
        }
        System.exit(0);
    }

    static byte[] serialized(String topic, ProducerRecord<?, ?> record, JsonNode told, boolean isKey)
            throws Exception {
        String format = told.get("format").asText();
        String schema = told.get("schema").asText();
        Object value =
                switch (format) {
                    case "avro" -> avro(new Schema.Parser().parse(schema), told.get("value").toString());
                    case "protobuf" -> protobuf(schema, told.get("message").asText(), told.get("value").toString());
                    default -> told.get("value");
                };
        return serializer(format, isKey).serialize(topic, record.headers(), value);
    }

    static Object avro(Schema schema, String json) throws Exception {
        return new GenericDatumReader<>(schema)
                .read(null, DecoderFactory.get().jsonDecoder(schema, json));
    }

    static Object protobuf(String descriptor, String message, String json) throws Exception {
        FileDescriptor[] imports = {TimestampProto.getDescriptor()};
        var proto = FileDescriptorProto.parseFrom(Base64.getDecoder().decode(descriptor));
        Descriptor type = FileDescriptor.buildFrom(proto, imports).findMessageTypeByName(message);
        DynamicMessage.Builder builder = DynamicMessage.newBuilder(type);
        JsonFormat.parser().merge(json, builder);
        return builder.build();
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static Serializer<Object> serializer(String format, boolean isKey) {
        return SERIALIZERS.computeIfAbsent(
                format + isKey,
                each -> {
                    Serializer made =
                            switch (format) {
                                case "avro" -> new AvroKafkaSerializer<>();
                                case "protobuf" -> new ProtobufKafkaSerializer<>();
                                default -> new JsonSchemaKafkaSerializer<>();
                            };
                    Map<String, Object> settings = new HashMap<>();
                    settings.put("apicurio.registry.url", registry);
                    settings.put("apicurio.registry.as-confluent", true);
                    settings.put("apicurio.registry.use-id", "contentId");
                    settings.put("apicurio.registry.headers.enabled", false);
                    // A JSON Schema it cannot make from a value.
                    settings.put("apicurio.registry.auto-register", !format.equals("json"));
                    settings.put("apicurio.registry.find-latest", format.equals("json"));
                    made.configure(settings, isKey);
                    return made;
                });
    }
}
